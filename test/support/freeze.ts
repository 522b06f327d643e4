/** Freezes a value and everything in it: writing to a caller's object then throws. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}

/** Freezes lists and plain objects. Clients, signals, schemas and streams keep state of their own. */
function freezeData<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || !isPlain(value)) return value;
  // Accessors may do anything when they are read.
  const fields = Object.values(Object.getOwnPropertyDescriptors(value));
  Object.freeze(value);
  for (const field of fields) freezeData(field.value);
  return value;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || prototype === Array.prototype;
}

/** The function, given its arguments frozen. */
export function freezingInputs<F extends (...inputs: never[]) => unknown>(call: F): F {
  return function (this: unknown, ...inputs: Parameters<F>) {
    return call.apply(this, inputs.map(freezeData) as Parameters<F>);
  } as F;
}
