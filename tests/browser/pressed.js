// A page without a browser: what a part of the client wants drawn is pressed, and is not drawn again before the test says so.

import { fold, initial } from '../../static/state.js';

/** Every element of a drawing. @param {any} node @returns {any[]} */
export const elements = (node) => (Array.isArray(node) ? node.flatMap(elements) : node && typeof node === 'object' ? [node, ...elements(node.children)] : []);

/** All that an element says. @param {any} node @returns {string} */
const textOf = (node) => (Array.isArray(node) ? node.map(textOf).join('') : node && typeof node === 'object' ? textOf(node.children) : String(node || ''));

/** A button of a drawing by its words. @param {any[]} drawn @param {string} words */
export const button = (drawn, words) => drawn.find(({ tag, props, children }) => tag === 'button' && (props['aria-label'] ?? textOf(children)) === words);

/** A field of a drawing by its name, and its value where several share it. @param {any[]} drawn @param {string} name @param {string} [value] */
export const field = (drawn, name, value) => drawn.find(({ tag, props }) => tag === 'input' && props.name === name && props.value === value);

/** Presses an element, or does something else with it. @param {any} element @param {any} [event] */
export const press = ({ props }, event, what = 'click') => props.on[what](event);

/**
 * What a screen is given, and what it did with it.
 * @param {any} known what the page knows beside nothing
 */
export function pageWith(known = {}) {
  const page = {
    /** @type {any} */
    state: { ...initial(), ...known },
    /** @type {any[]} */
    asked: [],
    /** @type {string[]} */
    notices: [],
    /** What the server says to everything. @type {Promise<any>} */
    answer: Promise.resolve({ update: 'done', id: '' }),
    /** @type {any} */
    act: {
      ui(/** @type {string} */ part, /** @type {any} */ value) {
        const { ui } = page.state;
        page.state = fold(page.state, { kind: 'ui', part, value: typeof value === 'function' ? value(ui[part]) : value });
      },
      ask(/** @type {any} */ ask) {
        page.asked.push(ask);
        return page.answer;
      },
      get: async () => ({ ok: false, status: 401, data: {} }),
      post(/** @type {string} */ path, /** @type {any} */ body) {
        page.asked.push({ path, ...body });
        return page.answer;
      },
      notice: (/** @type {string} */ words) => page.notices.push(words),
      login() {},
    },
    /** What a part of the client wants drawn of what the page knows now. @param {(state: any, act: any) => any} draw */
    drawn: (draw) => elements(draw(page.state, page.act)),
  };
  return page;
}

/** An answer that comes when the test gives it. */
export function later() {
  /** @type {(answer: any) => void} */
  let give = () => {};
  const answer = new Promise((resolve) => (give = resolve));
  return { answer, give };
}
