// The types of the messages are those of the schema.

import assert from 'node:assert/strict';
import test from 'node:test';

import { bothTypes, typesOf } from '../../../scripts/protocol-types.js';

test('static/protocol.js is what docs/protocol.schema.json says; `make schema` writes it again', () => {
  const { expected, there } = bothTypes();
  assert.equal(there, expected);
});

test('what a schema says is written as a type', () => {
  const plain = { type: 'object', properties: { id: { type: 'string' }, tip: { anyOf: [{ $ref: '#/$defs/Tip' }, { type: 'null' }] } }, required: ['id'] };
  const types = typesOf({
    $defs: {
      Tip: { type: 'object', properties: { number: { type: 'integer' } }, required: ['number'] },
      BySeat3: { type: 'object', properties: { first: { type: ['integer', 'null'] } } },
      Row: { type: 'object', description: 'A row.\nMore of it.', properties: { each: { $ref: '#/$defs/BySeat3' }, page: { type: 'integer', default: 0 } } },
      Update: { oneOf: [{ ...plain, description: 'Any.' }, { $ref: '#/$defs/Row', properties: { update: { const: 'row' } }, required: ['update'] }] },
    },
  });
  for (const line of [
    '@typedef {{ number: number }} Tip',
    ' * A row.\n * @typedef {{ each?: BySeat<number | null>, page: number }} Row',
    "@typedef {{ id: string, tip?: Tip | null } | Row & { update: 'row' }} Update",
  ]) assert.ok(types.includes(line), `${line} is in\n${types}`);
});
