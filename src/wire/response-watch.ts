import { asText, type WireEvent } from './blocks.ts';

/** `message_stop` is due after the stop reason: so many milliseconds with nothing but pings are its end. */
export const STOP_DUE_MS = 30_000;

/** Lines that are no events are kept up to so many characters. */
const STRAYS_LENGTH = 4000;

/** What has come of a response, as far as its end is concerned. */
export class ResponseWatch {
  started = false;
  stopped = false;
  /** As the last `message_delta` that had one said. */
  stopReason: string | null = null;
  /** The last event, where it is none of the API's: right before an end it may say why. */
  stranger: string | null = null;
  /** Lines that are no part of an event, after the last one of the API's; `null` for none. */
  strays: string | null = null;
  /** Events came that are none of the API's. */
  #hasStrangers = false;
  /** Something other than pings came since this was last asked. */
  #heard = false;

  /** The same, with the events noted. */
  watching(onEvent: (event: WireEvent) => void): (event: WireEvent) => void {
    return (event) => {
      this.#note(event);
      onEvent(event);
    };
  }

  /** Whether `message_stop` is due. */
  get isEnding(): boolean {
    return this.stopReason !== null && !this.stopped;
  }

  /** Whether another API is speaking: it began nothing, and said something. */
  get isForeign(): boolean {
    return !this.started && this.#hasStrangers;
  }

  noteStray(line: string): void {
    const strays = this.strays === null ? '' : `${this.strays}\n`;
    if (strays.length < STRAYS_LENGTH) this.strays = (strays + line).slice(0, STRAYS_LENGTH);
  }

  takeHeard(): boolean {
    const heard = this.#heard;
    this.#heard = false;
    return heard;
  }

  #note(event: WireEvent | { readonly type: 'unreadable_event'; readonly data: string }): void {
    if (event.type === 'ping') return;
    this.#heard = true;
    if (!this.started && event.type !== 'message_start') this.#hasStrangers = true;
    if (event.type === 'unreadable_event') {
      if (event.data !== '[DONE]') this.stranger = event.data;
      return;
    }
    this.stranger = null;
    this.strays = null;
    if (event.type === 'message_start') this.started = true;
    else if (event.type === 'message_stop') this.stopped = true;
    else if (event.type === 'message_delta')
      this.stopReason = asText(event.delta?.stop_reason) || this.stopReason;
  }
}
