// The rules, with examples of the formations and the ten tactics cards.

import { h, icon } from '../render.js';
import { rules } from '../rules/words.js';

export const title = () => rules.title;

export function draw() {
  return h('article', { class: 'paper rules' },
    h('h1', null, rules.title),
    h('p', null, rules.intro),
    h('ul', { class: 'toc' }, rules.sections.map(({ id, title: heading }) => h('li', { key: id }, h('a', { href: `#${id}` }, heading)))),
    rules.sections.map(section));
}

/** @param {{ id: string, title: string, text?: string[], list?: string[], after?: string[] }} section */
function section({ id, title: heading, text = [], list = [], after = [] }) {
  return h('section', { key: id, id, class: 'rules-part', 'aria-label': heading },
    h('h2', null, heading),
    list.length > 0 && h(id === 'turn' ? 'ol' : 'ul', null, list.map((line) => h('li', { key: line }, line))),
    text.map((line) => h('p', { key: line }, line)),
    id === 'formations' && h('div', { class: 'examples' }, rules.formations.map(formation)),
    id === 'tactics' && h('div', { class: 'tactic-cards' }, rules.tactics.map(tactic)),
    after.map((line) => h('p', { key: line }, line)));
}

/** @param {import('../rules/words.js').FormationText} formation @param {number} place */
function formation({ title: heading, text, cards }, place) {
  return h('div', { class: 'box example', key: heading },
    h('div', null, h('h3', null, `${place + 1}. ${heading}`), h('p', { class: 'muted' }, text)),
    h('div', { class: 'example-cards' }, cards.map(card)));
}

/** @param {string} code */
function card(code) {
  const colour = rules.colours[code.charAt(0)];
  if (!colour) return null;
  return h('span', { class: `rule-card ${colour.css}`, key: code, role: 'img', 'aria-label': `${colour.name} ${code.slice(1)}` },
    h('span', { 'aria-hidden': 'true' }, code.slice(1)), icon(colour.symbol));
}

/** @param {import('../rules/words.js').TacticText} tactic */
function tactic({ symbol, title: heading, kind, text }) {
  return h('div', { class: 'box tactic-card', key: heading },
    h('h3', null, icon(symbol), heading, h('span', { class: 'chip' }, kind)), h('p', null, text));
}
