/**
 * Takes uploads and forgets them, and serves files: `/large/…` of 512 MiB
 * at once, `/small/…` of 10 kB, each answer 20 ms late. Prints its address.
 */
import { createServer } from 'node:http';

const LARGE = 512 * 2 ** 20;
const SMALL = 10_000;
const LATENCY_MS = 20;
const PIECE = Buffer.alloc(256 * 1024, 'x');

const server = createServer((request, reply) => {
  const { pathname, searchParams } = new URL(request.url, 'http://x');
  const [, kind, , , id, action] = pathname.split('/');
  const size = kind === 'large' ? LARGE : SMALL;
  const answer = () => {
    if (request.method === 'POST') take(request, reply);
    else if (!id)
      json(reply, { data: searchParams.getAll('ids[]').map((one) => file(one, size)), next_page: null });
    else if (action !== 'content') json(reply, file(id, size));
    else serve(reply, size);
  };
  if (kind === 'large') answer();
  else setTimeout(answer, LATENCY_MS);
});

function take(request, reply) {
  let bytes = 0;
  request.on('data', (chunk) => {
    bytes += chunk.length;
  });
  request.on('end', () => json(reply, file('file_1', bytes)));
}

function serve(reply, size) {
  reply.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size });
  let left = size;
  const write = () => {
    while (left > 0) {
      const piece = PIECE.subarray(0, Math.min(left, PIECE.length));
      left -= piece.length;
      if (!reply.write(piece)) return void reply.once('drain', write);
    }
    reply.end();
  };
  write();
}

function file(id, size) {
  const mime = 'application/octet-stream';
  return { id, type: 'file', filename: `${id}.bin`, mime_type: mime, size_bytes: size };
}

function json(reply, body) {
  reply.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

// A slow way may take longer between two requests than Node keeps a connection.
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
