/** Counted ids: the same run gives the same ids. */
export class Ids {
  #count = 0;

  /** `msg_010000000000000000000001` and so on; the counter is one for all kinds. */
  next(prefix: string): string {
    return `${prefix}_01${String(++this.#count).padStart(22, '0')}`;
  }

  /** 16 hexadecimal digits, as in `/files/output/2e2badd4e9b8b729`. */
  hex(): string {
    const mixed = (BigInt(++this.#count) * 0x9e3779b97f4a7c15n) & 0xffff_ffff_ffff_ffffn;
    return mixed.toString(16).padStart(16, '0');
  }

  reset(): void {
    this.#count = 0;
  }
}
