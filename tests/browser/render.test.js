// What draws the page, in a real page: what stays when the drawing changes.

/* global document */

import assert from 'node:assert/strict';
import test from 'node:test';

import { DESKTOP } from './chromium.js';
import { World } from './world.js';

/** Loads `render.js` into the page as `draw`, with an empty element `root`. */
async function prepare(page) {
  await page.evaluate(async () => {
    const script = /** @type {HTMLScriptElement} */ (document.querySelector('script[type="module"]'));
    const { h, patch } = await import(new URL('render.js', script.src).href);
    const root = document.body.appendChild(document.createElement('div'));
    Object.assign(globalThis, { draw: { h, patch, root } });
  });
}

test('drawing keeps what is the same', { timeout: 120_000 }, async (t) => {
  const world = await World.start(t);
  const { page } = await world.person('Ann', DESKTOP);
  await prepare(page);

  await t.test('elements with a key move, and keep focus and what is typed', async () => {
    const seen = await page.evaluate(() => {
      const { h, patch, root } = globalThis.draw;
      const field = (key) => h('input', { key, class: key });
      patch(root, ['a', 'b', 'c'].map(field));
      const c = root.querySelector('.c');
      c.focus();
      c.value = 'typed';
      patch(root, ['c', 'x', 'a'].map(field));
      return { same: root.querySelector('.c') === c, focused: document.activeElement === c, value: c.value,
        order: [...root.children].map((el) => el.className).join('') };
    });
    assert.deepEqual(seen, { same: true, focused: true, value: 'typed', order: 'cxa' });
  });

  await t.test('a row that goes with the focus in it gives it to the next one, the one before or the heading; so does a button that is disabled', async () => {
    const seen = await page.evaluate(() => {
      const { h, patch, root } = globalThis.draw;
      const row = (key, more, gone) => h('div', { key, tabindex: '-1', id: key }, h('button', more, key), !gone && h('button', { class: 'drop' }, 'Drop'));
      const list = (...rows) => patch(root, h('section', null, h('h2', { tabindex: '-1', id: 'heading' }, 'Games'), rows.length === 0 && h('p', null, 'none'), rows));
      const at = () => document.activeElement?.id;
      const found = [];
      list(row('a'), row('b'), row('c'));
      root.querySelector('#b .drop').focus();
      for (const rows of [['a', 'c'], ['a'], []]) {
        list(...rows.map((key) => row(key)));
        found.push(at());
        root.querySelector(`[id='${at()}'] .drop`)?.focus();
      }
      list(row('a'), row('b'));
      root.querySelector('#a button').focus();
      list(row('a', { disabled: true }), row('b'));
      found.push(at());
      root.querySelector('#a .drop').focus();
      list(row('a', {}, true), row('b'));
      found.push(at());
      root.querySelector('#b button').focus();
      patch(root, h('p', null, 'elsewhere'));
      return [...found, document.activeElement === document.body];
    });
    assert.deepEqual(seen, ['c', 'a', 'heading', 'a', 'a', true]);
  });

  await t.test('what comes and goes does not disturb its neighbours', async () => {
    const same = await page.evaluate(() => {
      const { h, patch, root } = globalThis.draw;
      const list = (shown) => [shown && h('p', null, 'now and then'), h('p', null, 'always'), [], null, 'text'];
      patch(root, list(false));
      const always = root.querySelector('p');
      patch(root, list(true));
      const [, second] = root.querySelectorAll('p');
      patch(root, list(false));
      return [always === second, root.querySelector('p') === always, root.textContent];
    });
    assert.deepEqual(same, [true, true, 'alwaystext']);
  });

  await t.test('attributes, styles, properties and listeners follow the newest drawing', async () => {
    const seen = await page.evaluate(() => {
      const { h, patch, root } = globalThis.draw;
      const said = [];
      patch(root, h('input', { 'aria-label': 'one', disabled: true, style: { '--n': 1, color: 'red' }, on: { click: () => said.push(1) }, prop: { value: 'one' } }));
      patch(root, h('input', { title: 'two', disabled: false, style: { '--n': 2 }, on: { click: () => said.push(2) }, prop: { value: 'two' } }));
      const input = root.firstChild;
      input.click();
      return { label: input.getAttribute('aria-label'), title: input.title, disabled: input.disabled, n: input.style.getPropertyValue('--n'),
        colour: input.style.color, value: input.value, said };
    });
    assert.deepEqual(seen, { label: null, title: 'two', disabled: false, n: '2', colour: '', value: 'two', said: [2] });
  });

  await t.test('words are words, and symbols are drawn as such', async () => {
    const seen = await page.evaluate(() => {
      const { h, patch, root } = globalThis.draw;
      patch(root, [h('b', null, '<img src=x onerror=alert(1)>'), h('svg', null, h('use', { href: '#flag' }))]);
      return [root.querySelector('img'), root.querySelector('b').textContent, root.querySelector('use').namespaceURI];
    });
    assert.deepEqual(seen, [null, '<img src=x onerror=alert(1)>', 'http://www.w3.org/2000/svg']);
  });
});
