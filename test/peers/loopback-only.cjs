/** Preloaded into programs: a connection to any other host fails and is named at the end. */
const dns = require('node:dns');
const { Socket } = require('node:net');

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);
const outside = new Set();

function assertLoopback(host) {
  if (LOOPBACK.has(host)) return;
  outside.add(host);
  throw new Error(`A program of the peers tried to reach ${host}.`);
}

const { connect } = Socket.prototype;
Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args;
  if (typeof options === 'object' && options !== null && !options.path)
    assertLoopback(options.host ?? 'localhost');
  return connect.apply(this, args);
};
for (const api of [dns, dns.promises]) {
  const { lookup } = api;
  api.lookup = (host, ...rest) => {
    assertLoopback(host);
    return lookup.call(api, host, ...rest);
  };
}

globalThis.hostsOutside = () => [...outside];
