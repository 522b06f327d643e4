/** Serves every payload on a free port of the loopback interface; prints the port. A process of its own. */
import { createServer } from 'node:http';
import { payloads } from './payloads.mjs';

const bodies = new Map();

const server = createServer((request, response) => {
  request.resume().on('end', () => {
    const name = decodeURIComponent(request.url.split('/')[1]);
    if (!bodies.has(name)) bodies.set(name, Buffer.from(payloads[name]()));
    response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': 'req_bench' });
    response.end(bodies.get(name));
  });
});
// A slow way may take longer between two requests than Node keeps a connection.
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
