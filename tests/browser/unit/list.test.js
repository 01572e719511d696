// The lists of the lobby: what is pressed counts, whatever was drawn last.

import assert from 'node:assert/strict';
import test from 'node:test';

import { list } from '../../../static/lobby/list.js';

/** Every element of a drawing. @param {any} node @returns {any[]} */
const all = (node) => (Array.isArray(node) ? node.flatMap(all) : node && typeof node === 'object' ? [node, ...all(node.children)] : []);

test('who presses before the page is drawn again loses nothing', () => {
  /** @type {any} */
  const ui = {};
  /** @type {any[]} */
  const asked = [];
  /** @type {any} */
  const act = {
    ui: (/** @type {string} */ part, /** @type {any} */ value) => (ui[part] = typeof value === 'function' ? value(ui[part]) : value),
    ask: (/** @type {any} */ ask) => asked.push(ask),
  };
  const drawn = all(list(/** @type {any} */ ({ ui, lobby: null, shown: null }), act));
  const tables = drawn.filter(({ props }) => props?.role === 'tab')[1];
  const field = drawn.find(({ props }) => props?.type === 'search');
  tables.props.on.click();
  field.props.on.input({ target: { value: 'Ann' } });
  assert.deepEqual(ui.query, { list: 'tables', search: 'Ann', free_only: false, page: 0 });
  tables.props.on.click();
  assert.deepEqual(asked.map(({ list, search }) => [list, search]), [['tables', ''], ['tables', 'Ann']]);
});
