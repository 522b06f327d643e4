import { type RequestParams, type Turn, turnFrom } from 'code-execution-kit';

/**
 * The parts of a turn that whole messages say, too: neither
 * numbers nor notices of the run, nor names of artifacts.
 */
export function foldedBy(turn: Turn): object {
  const { seq: _, notices, artifacts, checkpoint: __, parsed: ___, error: ____, ...rest } = turn;
  return {
    ...rest,
    artifacts: artifacts.map(({ fileId, executionId, responseIndex }) => [
      fileId,
      executionId,
      responseIndex,
    ]),
    notices: notices.filter(({ code }) => code === 'container-changed'),
  };
}

/**
 * The same of the turn that `turnFrom` makes of the responses, with the answers to their calls between them.
 */
export function foldedFrom(params: RequestParams, turn: Turn): object {
  const answers = turn.messages.slice(params.messages.length).filter(({ role }) => role === 'user');
  const history = turn.responses.flatMap((response) => {
    const waits = response.content.some(({ type }) => type === 'tool_use');
    const answer = waits ? answers.shift() : undefined;
    return answer ? [response, answer] : [response];
  });
  return foldedBy(turnFrom(params, history));
}

/**
 * Whether blocks of a stream are open at the same time, as the
 * API's never are: their texts stand in the order of writing.
 */
export function overlaps(sse: string): boolean {
  let open = 0;
  return [...sse.matchAll(/"type":"content_block_(start|stop)"/g)].some(([, what]) => {
    open += what === 'start' ? 1 : -1;
    return open > 1;
  });
}
