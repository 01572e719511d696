// An address that leads nowhere.

import { h } from '../render.js';
import { words } from '../words.js';

export const title = () => words.missing.title;

export const draw = () => h('div', { class: 'paper narrow' },
  h('h1', null, words.missing.title), h('p', null, words.missing.text), h('p', null, h('a', { class: 'btn primary', href: '/' }, words.nav.lobby)));
