// What lies over the table now and then: the menu, a question, why a claim failed, how it ended. Loaded when first needed.

import { h, icon } from '../render.js';
import { told } from '../shell.js';
import { day, minutes, optionsInWords, tableWords as words, timeOfDay } from '../words.js';
import { cardNames, endingWords, fan, formationName, isFog } from './board.js';
import { other } from './turn.js';

/** @import { Act, BySeat, CounterExample, Ending, FlagView, Seat, State, TableView } from '../protocol.js' */

/** @param {Act} act */
const close = (act) => act.ui('box', null);

/** @param {string} text @param {() => void} click @param {any} [props] @param {string} [symbol] */
function button(text, click, { class: more = '', ...props } = {}, symbol = '') {
  return h('button', { type: 'button', class: `btn ${more}`, on: { click }, ...props }, symbol ? icon(symbol) : null, text);
}

/** Puts the focus into a box that has just opened. @param {HTMLElement} el */
const focusFirst = (el) => {
  if (el.dataset.opened) return;
  el.dataset.opened = 'true';
  /** @type {HTMLElement | null} */ (el.querySelector('button, a'))?.focus();
};

/** @param {string} key @param {string} label @param {string} more @param {...import('../render.js').Child} children */
const dialog = (key, label, more, ...children) =>
  h('section', { key, class: `pop ${more}`, role: 'dialog', 'aria-label': label, ref: focusFirst }, children);

// ---- the menu and its questions --------------------------------------------------------------------------------------

/** @param {TableView} table @param {{ seated: boolean, over: boolean }} who @param {Act} act */
export const menu = (table, { seated, over }, act) => [
  h('div', { key: 'veil', class: 'veil', on: { click: () => close(act) } }),
  dialog('menu', words.menu, 'table-menu',
    seated && !over ? button(words.save, () => act.ui('box', 'save'), { class: 'quiet' }, 'disk') : null,
    seated && !over ? button(words.giveUp, () => act.ui('box', 'resign'), { class: 'quiet danger' }, 'flag') : null,
    seated ? null : button(words.leave, () => act.go('/'), { class: 'quiet' }, 'eye'),
    h('a', { class: 'btn quiet', href: '/rules', target: '_blank', rel: 'noopener' }, icon('book'), words.rules),
    h('a', { class: 'btn quiet', href: '/' }, icon('home'), words.lobby),
    button(words.close, () => close(act), { class: 'quiet' }, 'cross'),
    h('dl', { class: 'facts' },
      h('dt', null, words.options), h('dd', null, optionsInWords(table.options)),
      h('dt', null, words.since), h('dd', null, `${day(table.started_ms)}, ${timeOfDay(table.started_ms)}`),
      h('dt', null, words.commitment), h('dd', { class: 'hash' }, table.commitment),
      h('dd', { class: 'muted' }, words.commitmentWhy))),
];

/** Save or give up, after a question. @param {TableView} table @param {'save' | 'resign'} what @param {Act} act */
export function question(table, what, act) {
  const sure = what === 'save' ? words.saveSure : words.giveUpSure;
  const yes = async () => {
    close(act);
    await told(act, act.ask({ ask: what, table: table.table }));
  };
  return scrim(dialog('question', sure, 'question', h('p', null, sure),
    h('div', { class: 'acts' },
      button(what === 'save' ? words.saveYes : words.giveUpYes, yes, { class: what === 'save' ? 'big primary' : 'big danger' }),
      button(words.cancel, () => close(act), { class: 'big' }))));
}

/** @param {...import('../render.js').Child} children */
const scrim = (...children) => h('div', { key: 'scrim', class: 'scrim' }, children);

// ---- a refused claim -------------------------------------------------------------------------------------------------

/**
 * The counter-example beside its flag.
 * @param {{ counter: CounterExample, flag: FlagView, near: Seat, names: BySeat<string>, hand: string[] }} shown
 * @param {Act} act
 */
export function proof({ counter, flag, near, names, hand }, act) {
  const { laid, missing, mine, theirs, flag: at } = counter;
  const fog = isFog(flag);
  const held = missing.filter((code) => hand.includes(code));
  const name = names[other(near)];
  const back = () => act.ui('proof', null);
  const side = at < 5 ? 'to-right' : 'to-left';
  return h('section', {
    key: 'proof', class: `pop proof ${side}`, role: 'dialog', 'aria-label': words.proofTitle(at), style: { '--at': at }, ref: focusFirst,
  },
    h('h2', null, words.proofTitle(at)),
    h('p', null, missing.length ? words.proofCould(name) : words.proofHas(name)),
    h('div', { class: 'vs' },
      h('figure', null, fan([...laid, ...missing], missing), h('figcaption', { class: 'muted' }, formationName(theirs, fog).name)),
      h('span', { class: 'muted' }, theirs.kind === mine.kind && theirs.sum === mine.sum ? words.ties : words.beats),
      h('figure', null, fan(flag.cards[near]), h('figcaption', { class: 'muted' }, formationName(mine, fog).name))),
    h('p', null, held.length ? `${words.proofHold(cardNames(held))} ` : null, words.proofFree),
    h('div', { class: 'acts' }, button(words.proofBack, back, { class: 'primary' })));
}

// ---- the end ---------------------------------------------------------------------------------------------------------

/** The flags that won the game: the adjacent three, or all of the winner's. @param {FlagView[]} flags @param {Ending} ending */
export function winningFlags(flags, { winner, reason }) {
  const won = flags.map(({ owner }) => winner !== null && owner === winner);
  if (reason === 'envelopment') return won;
  if (reason !== 'breakthrough') return won.map(() => false);
  return won.map((_, i) => [i - 2, i - 1, i].some((from) => from >= 0 && [0, 1, 2].every((step) => won[from + step])));
}

/** The nine flags at a glance. @param {FlagView[]} flags @param {Ending} ending @param {Seat} near */
export function strip(flags, ending, near) {
  const winning = winningFlags(flags, ending);
  return h('div', { class: 'strip9', 'aria-hidden': 'true' }, flags.map(({ owner }, index) => h('span', {
    key: index, class: [owner && (owner === near ? 'y' : 't'), winning[index] && 'win'].filter(Boolean).join(' '),
  }, words.flag(index))));
}

const KINDS = ['host', 'skirmish', 'battalion', 'phalanx', 'wedge'];

/** The best formation a seat won a flag with. @param {FlagView[]} flags @param {Seat} seat */
function best(flags, seat) {
  const won = flags.flatMap((flag) => {
    const made = flag.formation[seat];
    return flag.owner === seat && made ? [{ worth: KINDS.indexOf(made.kind) * 100 + made.sum, name: formationName(made, isFog(flag)).name }] : [];
  });
  return won.toSorted((a, b) => b.worth - a.worth)[0]?.name ?? '–';
}

/** Who won, why, and what next. @param {State} state @param {TableView} table @param {Seat} near @param {Act} act */
export function ending(state, table, near, act) {
  const { view, names, options } = table;
  const far = other(near);
  const title = endingWords(/** @type {Ending} */ (view.ending), names, view.viewer);
  const count = (/** @type {Seat} */ seat) => view.flags.filter(({ owner }) => owner === seat).length;
  const row = (/** @type {string} */ word, /** @type {(seat: Seat) => string} */ value) => [h('span', null, word), h('span', null, value(near)), h('span', null, value(far))];
  const again = async () => {
    if (await told(act, act.ask({ ask: 'invite', to: names[far], options }))) act.notice(words.invited(names[far]));
  };
  const invited = state.invites.sent.some(({ name }) => name === names[far]);
  return scrim(dialog('ending', title, 'end',
    h('div', null, h('h2', null, title),
      h('p', { class: 'muted' }, words.summary(table.log.length, minutes(table.last_ms - table.started_ms)))),
    strip(view.flags, /** @type {Ending} */ (view.ending), near),
    h('div', { class: 'stats num' },
      h('span'), h('b', null, names[near]), h('b', null, names[far]),
      row(words.flagsRow, (seat) => String(count(seat))), row(words.bestRow, (seat) => best(view.flags, seat)),
      row(words.tacticsRow, (seat) => String(view.tactics_played[seat]))),
    h('div', { class: 'acts' },
      view.viewer !== 'watcher' ? button(invited ? words.invited(names[far]) : words.again, again, { class: 'big primary', disabled: invited }) : null,
      h('a', { class: 'btn big', href: `/game/${table.table}` }, icon('play'), words.replay),
      button(words.showTable, () => act.ui('summaryOf', table.table), { class: 'big' }),
      h('a', { class: 'btn big quiet', href: '/' }, words.toLobby))));
}

/** The game was saved, to be resumed another day. @param {Act} act */
export const stopped = (act) => scrim(dialog('stopped', words.stopped, 'question',
  h('h2', null, words.stopped), h('p', { class: 'muted' }, words.stoppedWhy),
  h('div', { class: 'acts' }, button(words.toLobby, () => act.go('/'), { class: 'big primary' }))));
