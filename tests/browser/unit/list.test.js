// The lists of the lobby: what is pressed counts, whatever was drawn last.

import assert from 'node:assert/strict';
import test from 'node:test';

import { list } from '../../../static/lobby/list.js';
import { pageWith, press } from '../pressed.js';

test('who presses before the page is drawn again loses nothing', () => {
  const page = pageWith();
  const drawn = page.drawn(list);
  const tables = drawn.filter(({ props }) => props.role === 'tab')[1];
  const search = drawn.find(({ props }) => props.type === 'search');
  press(tables);
  press(search, { target: { value: 'Ann' } }, 'input');
  assert.deepEqual(page.state.ui.query, { list: 'tables', search: 'Ann', free_only: false, page: 0 });
  press(tables);
  assert.deepEqual(page.asked.map(({ list, search }) => [list, search]), [['tables', ''], ['tables', 'Ann']]);
});
