import { asText, type WireEvent } from './blocks.ts';

/** `message_stop` is due after the stop reason: so many milliseconds with nothing but pings are its end. */
export const STOP_DUE_MS = 30_000;

/** What has come of a response, as far as its end is concerned. */
export class ResponseWatch {
  started = false;
  stopped = false;
  /** As the last `message_delta` that had one said. */
  stopReason: string | null = null;
  /** The last event, where it is none of the API's: right before an end it may say why. */
  stranger: string | null = null;
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

  takeHeard(): boolean {
    const heard = this.#heard;
    this.#heard = false;
    return heard;
  }

  #note(event: WireEvent | { readonly type: 'unreadable_event'; readonly data: string }): void {
    if (event.type === 'ping') return;
    this.#heard = true;
    if (event.type === 'unreadable_event') {
      if (event.data !== '[DONE]') this.stranger = event.data;
      return;
    }
    this.stranger = null;
    if (event.type === 'message_start') this.started = true;
    else if (event.type === 'message_stop') this.stopped = true;
    else if (event.type === 'message_delta')
      this.stopReason = asText(event.delta?.stop_reason) || this.stopReason;
  }
}
