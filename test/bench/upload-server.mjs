/** Takes uploads and forgets them. Prints its address. */
import { createServer } from 'node:http';

const server = createServer((request, reply) => {
  let bytes = 0;
  request.on('data', (chunk) => {
    bytes += chunk.length;
  });
  request.on('end', () => {
    const file = { id: 'file_1', type: 'file', filename: 'x', mime_type: 'x/y', size_bytes: bytes };
    reply.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(file));
  });
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
