// What every peer does beside its game: it says where it serves, collects its garbage when asked, and ends with whoever started it.

/** @param {import('node:http').Server} server */
export function serving(server) {
  console.log(`ready at 127.0.0.1:${server.address().port}`);
  // So that memory can be told without garbage; this needs --expose-gc.
  process.on('SIGUSR2', () => globalThis.gc?.());
  process.stdin.on('end', () => process.exit()).resume();
}
