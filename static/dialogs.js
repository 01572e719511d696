// The dialogs: an invite with its options, messages with a player, a question. Loaded when one is opened first.

import { h, icon, openDialog } from './render.js';
import { blockButton, bounded, told } from './shell.js';
import { refusal, timeOfDay, words } from './words.js';

/** @import { Act, State } from './page.js' */
/** @import { TableOptions } from './protocol.js' */
/** @import { Child } from './render.js' */

/** @type {TableOptions} */
const USUAL = { rules: { tactics: 'on', claim_timing: 'any', environment: 'fixed' }, claim_hints: true, talk: 'everyone' };

/** @param {State} state @param {Act} act @returns {Child} */
export function draw(state, act) {
  const { dialog } = state.ui;
  switch (dialog?.kind) {
    case 'invite':
      return inviteDialog(state, act, dialog);
    case 'letters':
      return lettersDialog(state, act, dialog);
    case 'confirm':
      return confirmDialog(act, dialog);
    default:
      return null;
  }
}

/** @param {Act} act */
const close = (act) => act.ui('dialog', null);

/**
 * Changes a dialog as it is now, and tells whether it is open still: a press may come before the page has drawn what the one
 * before changed, and an answer when another dialog is open.
 * @param {Act} act @param {{ kind: string, name?: string }} dialog @param {(newest: any) => object | null} change
 */
function changed(act, { kind, name }, change) {
  let isOpen = false;
  act.ui('dialog', (/** @type {any} */ newest) => {
    isOpen = newest?.kind === kind && newest.name === name;
    return isOpen ? change(newest) : newest;
  });
  return isOpen;
}

/** @param {Act} act @param {string} title @param {Child[]} content */
function frame(act, title, ...content) {
  return h('dialog', {
    key: 'dialog', 'aria-label': title, ref: (el) => openDialog(el, true),
    on: { close: () => close(act), click: (event) => event.target === event.currentTarget && close(act) },
  }, h('div', { class: 'inside' },
    h('header', null, h('h2', null, title),
      h('button', { type: 'button', class: 'btn quiet icon', 'aria-label': words.close, on: { click: () => close(act) } }, icon('cross'))),
    ...content));
}

/** @param {State} state @param {Act} act @param {{ kind: string, name: string, options?: TableOptions, refused?: object }} dialog */
function inviteDialog(state, act, dialog) {
  const { name, refused } = dialog;
  const options = dialog.options ?? state.ui.options ?? USUAL;
  const { rules } = options;
  const set = (/** @type {object} */ part, /** @type {object} */ rule = {}) => changed(act, dialog, ({ options: had = options, ...newest }) =>
    ({ ...newest, options: { ...had, ...part, rules: { ...had.rules, ...rule } } }));
  const rule = (/** @type {object} */ part) => set({}, part);
  const text = words.invite;
  return frame(act, text.title(name),
    choice('tactics', text.tactics, rules.tactics, ['on', 'off'], (tactics) => rule({ tactics })),
    choice('claims', text.claims, rules.claim_timing, ['any', 'turn_start'], (timing) => rule({ claim_timing: timing })),
    rules.tactics === 'on' && choice('environment', text.environment, rules.environment, ['fixed', 'removable'], (environment) => rule({ environment })),
    choice('hints', text.hints, options.claim_hints ? 'on' : 'off', ['on', 'off'], (hints) => set({ claim_hints: hints === 'on' })),
    choice('talk', text.talk, options.talk, ['everyone', 'players', 'nobody'], (talk) => set({ talk })),
    refused && h('p', { class: 'bad', role: 'alert' }, refusal(refused)),
    h('footer', null,
      h('button', { type: 'button', class: 'btn', on: { click: () => close(act) } }, words.cancel),
      h('button', { type: 'button', class: 'btn primary', on: { click: () => sendInvite(act, dialog, options) } }, text.send)));
}

/**
 * One of few, as a row of buttons with a sentence that explains it.
 * @param {string} name
 * @param {Record<string, string>} text
 * @param {string} chosen
 * @param {string[]} values
 * @param {(value: string) => void} choose
 */
function choice(name, text, chosen, values, choose) {
  return h('fieldset', { class: 'choice', key: name },
    h('legend', null, text.label),
    h('div', { class: 'seg' }, values.map((value) => h('label', { key: value },
      h('input', { type: 'radio', name, value, prop: { checked: value === chosen }, on: { change: () => choose(value) } }), text[value]))),
    h('p', { class: 'muted small' }, text.hint));
}

/** @param {Act} act @param {{ kind: string, name: string }} dialog @param {TableOptions} usual the options if none was set */
async function sendInvite(act, dialog, usual) {
  /** @type {TableOptions | null} */
  let options = null;
  changed(act, dialog, (newest) => {
    // Nothing is sent by the second of two quick clicks.
    if (!newest.busy) options = newest.options ?? usual;
    return { ...newest, busy: true };
  });
  if (!options) return;
  act.ui('options', options);
  const asked = act.ask({ ask: 'invite', to: dialog.name, options });
  const answer = await asked;
  const isOpen = changed(act, dialog, (newest) => (answer.update === 'refused' ? { ...newest, busy: false, refused: answer } : null));
  if (!isOpen) told(act, asked);
}

/** @param {State} state @param {Act} act @param {{ kind: string, name: string, refused?: object }} dialog */
function lettersDialog(state, act, dialog) {
  const { name, refused } = dialog;
  const isBlocked = state.blocked.includes(name);
  const lines = state.letters.filter(({ from, to }) => from === name || to === name);
  return frame(act, words.letters.with(name),
    h('div', { class: 'lines', role: 'log', tabindex: '0', 'aria-label': words.letters.with(name), ref: toEnd(lines.length) },
      lines.length === 0 && h('p', { class: 'muted' }, words.letters.none),
      lines.map((line, index) => h('p', { key: index, class: line.from === name ? 'said' : 'said own' },
        h('span', { class: 'vh' }, `${line.from === name ? name : words.letters.you}: `), h('bdi', null, line.text),
        h('time', { class: 'muted num' }, timeOfDay(line.sent_ms))))),
    isBlocked && h('p', { class: 'muted' }, words.letters.isBlocked),
    refused && h('p', { class: 'bad', role: 'alert' }, refusal(refused)),
    h('form', { class: 'write', on: { submit: (event) => sendLetter(event, act, dialog) } },
      h('input', { class: 'input', name: 'text', 'aria-label': words.letters.write, placeholder: words.letters.write, autocomplete: 'off',
        ...bounded(state.limits?.message_chars), disabled: isBlocked }),
      h('button', { type: 'submit', class: 'btn primary', disabled: isBlocked }, words.letters.send)),
    h('footer', null, blockButton(state, act, name)));
}

/** Scrolls to the newest line when there is one more. @param {number} count @returns {(el: HTMLElement) => void} */
const toEnd = (count) => (el) => {
  if (el.dataset.count === String(count)) return;
  el.dataset.count = String(count);
  el.scrollTop = el.scrollHeight;
};

/** @param {SubmitEvent} event @param {Act} act @param {{ kind: string, name: string }} dialog */
async function sendLetter(event, act, dialog) {
  event.preventDefault();
  const input = /** @type {HTMLInputElement} */ (/** @type {HTMLFormElement} */ (event.currentTarget).elements.namedItem('text'));
  const text = input.value.trim();
  if (!text) return;
  input.value = '';
  const answer = await act.ask({ ask: 'tell', to: dialog.name, text });
  changed(act, dialog, (newest) => ({ ...newest, refused: answer.update === 'refused' ? answer : null }));
}

/** @param {Act} act @param {{ kind: string, title: string, text: string, yes: string, danger?: boolean, run: () => void }} dialog */
function confirmDialog(act, dialog) {
  const { title, text, yes, danger, run } = dialog;
  const confirm = () => changed(act, dialog, () => null) && run();
  return frame(act, title,
    h('p', null, text),
    h('footer', null,
      h('button', { type: 'button', class: 'btn', autofocus: true, on: { click: () => close(act) } }, words.cancel),
      h('button', { type: 'button', class: danger ? 'btn danger' : 'btn primary', on: { click: confirm } }, yes)));
}
