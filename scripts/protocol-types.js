// Writes static/protocol.js, the types of the websocket's messages, from docs/protocol.schema.json: `make schema`.

import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

const SCHEMA = new URL('../docs/protocol.schema.json', import.meta.url);
const TYPES = new URL('../static/protocol.js', import.meta.url);
/** How a value for each seat is called, a type for each kind of value. */
const BY_SEAT = /^BySeat\d*$/;
const WIDTH = 140;
/** A blank at which no line ends. */
const _ = '\u00a0';

/** What there is of the JSON Schema that Rust types become.
 * @typedef {{ $ref?: string, type?: string | string[], const?: string, properties?: Record<string, Schema>, required?: string[], items?: Schema, prefixItems?: Schema[],
 *   anyOf?: Schema[], oneOf?: Schema[], patternProperties?: Record<string, Schema>, default?: unknown, pattern?: string, description?: string, $defs?: Record<string, Schema> }} Schema */

/** @type {Record<string, string>} */
const PLAIN = { string: 'string', integer: 'number', number: 'number', boolean: 'boolean', null: 'null' };

/** A type as TypeScript writes it; its lines may end at its ordinary blanks.
 * @param {Schema} schema @param {Record<string, Schema>} defs @returns {string} */
function type(schema, defs) {
  const of = (/** @type {Schema} */ part) => type(part, defs);
  const all = [];
  if (schema.$ref) all.push(named(schema.$ref.replace('#/$defs/', ''), defs));
  if (schema.properties) {
    const required = new Set(schema.required);
    // What has a default may be left out of a request; a node always writes it.
    const isThere = (/** @type {string} */ name) => required.has(name) || (schema.properties?.[name].default !== undefined && !schema.properties.ask);
    const fields = Object.entries(schema.properties).map(([name, part]) => `${name}${isThere(name) ? '' : '?'}:${_}${of(part)}`);
    all.push(`{${_}${fields.join(', ')}${_}}`);
  }
  const together = (/** @type {string} */ part) => (part.length < WIDTH - 10 ? part.replaceAll(' ', _) : part);
  const either = (schema.anyOf ?? schema.oneOf)?.map(of).map(together).join(` |${_}`);
  if (either) all.push(all.length > 0 ? `(${either})` : either);
  if (all.length > 0) return all.join(` &${_}`);
  const oneOf = /^\^\[(\w+)\]\$$/.exec(schema.pattern ?? '');
  if (oneOf) return [...oneOf[1]].map((letter) => `'${letter}'`).join(`${_}|${_}`);
  if (schema.const !== undefined) return `'${schema.const}'`;
  return [schema.type ?? []].flat().map((word) => {
    if (word === 'array' && schema.prefixItems) return `[${schema.prefixItems.map(of).join(`,${_}`)}]`;
    if (word === 'array') return `${of(schema.items ?? {})}[]`;
    if (word === 'object') return `Record<string,${_}${of(Object.values(schema.patternProperties ?? {})[0])}>`;
    return PLAIN[word];
  }).join(`${_}|${_}`);
}

/** A definition by its name; those of a value for each seat, which Rust numbers, are one generic type.
 * @param {string} name @param {Record<string, Schema>} defs */
function named(name, defs) {
  if (!BY_SEAT.test(name)) return name;
  const first = defs[name].properties?.first ?? {};
  return `BySeat<${type(first, defs)}>`;
}

/** Lines no longer than the linter and people like. @param {string} text */
function wrapped(text) {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line && `${line} ${word}`.length > WIDTH - 5) lines.push(`  ${word}`);
    else lines[lines.length - 1] = line ? `${line} ${word}` : word;
  }
  return lines.map((line) => line.replaceAll(_, ' '));
}

/** The file that a schema stands for. @param {Schema} schema */
export function typesOf(schema) {
  const defs = schema.$defs ?? {};
  const comments = Object.entries(defs).filter(([name]) => !BY_SEAT.test(name)).map(([name, part]) => {
    const about = part.description?.replaceAll('\n', ' ').split(/(?<=\.)\s/)[0];
    const lines = [...(about ? wrapped(about) : []), ...wrapped(`@typedef {${type(part, defs)}} ${name}`)];
    return lines.length === 1 ? `/** ${lines[0]} */` : ['/**', ...lines.map((line) => ` * ${line}`), ' */'].join('\n');
  });
  return [
    '// The messages of the websocket as types, written from docs/protocol.schema.json by scripts/protocol-types.js; never loaded by a browser.',
    '/**\n * One value for each seat.\n * @template T\n * @typedef {{ first: T, second: T }} BySeat\n */',
    ...comments,
    'export {};\n',
  ].join('\n\n');
}

/** What the file should be, and what it is. */
export function bothTypes() {
  return { expected: typesOf(JSON.parse(readFileSync(SCHEMA, 'utf8'))), there: readFileSync(TYPES, 'utf8') };
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(TYPES, bothTypes().expected);
