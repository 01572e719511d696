// What lies over the table now and then: the menu, a question, why a claim failed, how it ended. Loaded when first needed.

import { h, icon, openDialog } from '../render.js';
import { named, nowMs, told } from '../shell.js';
import { day, minutes, optionsInWords, tableWords as words, timeOfDay } from '../words.js';
import { fan } from './board.js';
import { cardNames, endingWords, formationName, isFog, other } from './turn.js';

/** @import { Act, State } from '../page.js' */
/** @import { BySeat, CounterExample, Ending, FlagView, Seat, TableView } from '../protocol.js' */

/** @param {Act} act */
const close = (act) => act.ui('box', null);

/** @param {string} text @param {() => void} click @param {any} [props] @param {string} [symbol] */
function button(text, click, { class: more = '', ...props } = {}, symbol = '') {
  return h('button', { type: 'button', class: `btn ${more}`, on: { click }, ...props }, symbol ? icon(symbol) : null, text);
}

/**
 * A box over the table, which takes the focus; a modal one keeps it.
 * @param {string} key @param {string} label @param {string} more @param {() => void} leave what Esc does
 * @param {...import('../render.js').Child} children
 */
const dialog = (key, label, more, leave, ...children) => h('dialog', {
  key, class: `pop ${more}`, 'aria-label': label, tabindex: '-1', ref: (el) => openDialog(el, more === 'question'),
  on: { cancel: (event) => {
    event.preventDefault();
    leave();
  } },
}, children);

// ---- the menu and its questions --------------------------------------------------------------------------------------

/** @param {TableView} table @param {{ seated: boolean, over: boolean }} who @param {Act} act */
export const menu = (table, { seated, over }, act) =>
  dialog('menu', words.menu, 'table-menu', () => close(act),
    seated && !over ? button(words.save, () => act.ui('box', 'save'), { class: 'quiet' }, 'disk') : null,
    seated && !over ? button(words.giveUp, () => act.ui('box', 'resign'), { class: 'quiet danger' }, 'flag') : null,
    seated ? null : button(words.leave, () => act.go('/'), { class: 'quiet' }, 'eye'),
    h('a', { class: 'btn quiet', href: '/rules', target: '_blank', rel: 'noopener' }, icon('book'), words.rules),
    h('a', { class: 'btn quiet', href: '/' }, icon('home'), words.lobby),
    button(words.close, () => close(act), { class: 'quiet' }, 'cross'),
    h('dl', { class: 'facts' },
      h('dt', null, words.options), h('dd', null, optionsInWords(table.options)),
      h('dt', null, words.since), h('dd', null, `${day(table.started_ms)}, ${timeOfDay(table.started_ms)}`),
      h('dt', null, words.commitment), h('dd', { class: 'hash', translate: 'no' }, table.commitment),
      h('dd', { class: 'muted' }, words.commitmentWhy)));

/** What ends a game, asked once; the harmless answer has the focus. @param {TableView} table @param {'save' | 'resign' | 'claim_win'} what @param {string} name the opponent's @param {Act} act */
export function question(table, what, name, act) {
  const { title, text, yes } = words.questions[what];
  const run = () => {
    let isOpen = false;
    act.ui('box', (/** @type {string | null} */ newest) => {
      isOpen = newest === what;
      return isOpen ? null : newest;
    });
    // Nothing is asked by the second of two quick clicks.
    if (isOpen) told(act, act.ask({ ask: what, table: table.table }));
  };
  return dialog('question', title, 'question', () => close(act),
    h('h2', null, title), h('p', null, text(name)),
    h('div', { class: 'acts' },
      button(words.cancel, () => close(act), { class: 'big', autofocus: true }),
      button(yes, run, { class: what === 'resign' ? 'big danger' : 'big primary' })));
}

/** The other seat is away: for how long, what may be done, and when. @param {State} state @param {TableView} table @param {Seat} far @param {Act} act */
export function away(state, table, far, act) {
  const limits = /** @type {import('../protocol.js').Limits} */ (state.limits);
  const age = Math.max(0, nowMs(state) - (table.away_since_ms[far] ?? 0));
  const left = (/** @type {number} */ secs) => secs * 1000 - age;
  const ask = (/** @type {'save' | 'claim_win'} */ what) => () => act.ui('box', what);
  const next = left(limits.away_save_secs) > 0 ? words.awayWait(minutes(left(limits.away_save_secs)))
    : left(limits.away_win_secs) > 0 ? words.awayWinIn(minutes(left(limits.away_win_secs))) : null;
  return h('div', { class: 'away-note', role: 'status' },
    h('span', { class: 'num' }, words.awayNow(minutes(age))), next ? h('span', { class: 'num wide clip' }, next) : null,
    left(limits.away_save_secs) <= 0 ? button(words.awaySave, ask('save'), { key: 'save', class: 'small' }) : null,
    left(limits.away_win_secs) <= 0 ? button(words.awayWin, ask('claim_win'), { key: 'win', class: 'small primary' }) : null);
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
  return h('dialog', {
    key: 'proof', class: `pop proof ${side}`, 'aria-label': words.proofTitle(at), style: { '--at': at }, ref: (el) => openDialog(el, false),
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
  const show = () => act.ui('summaryOf', table.table);
  return scrim(dialog('ending', title, 'end', show,
    h('div', null, h('h2', null, title),
      h('p', { class: 'muted' }, words.summary(table.log.length, minutes(table.last_ms - table.started_ms)))),
    strip(view.flags, /** @type {Ending} */ (view.ending), near),
    h('div', { class: 'stats num' },
      h('span'), h('b', null, named(names[near])), h('b', null, named(names[far])),
      row(words.flagsRow, (seat) => String(count(seat))), row(words.bestRow, (seat) => best(view.flags, seat)),
      row(words.tacticsRow, (seat) => String(view.tactics_played[seat]))),
    h('div', { class: 'acts' },
      view.viewer !== 'watcher' ? button(invited ? words.invited(names[far]) : words.again, again, { class: 'big primary', disabled: invited }) : null,
      h('a', { class: 'btn big', href: `/game/${table.table}` }, icon('play'), words.replay),
      button(words.showTable, show, { class: 'big' }),
      h('a', { class: 'btn big quiet', href: '/' }, words.toLobby))));
}

/** The game was saved, to be resumed another day. @param {Act} act */
export const stopped = (act) => scrim(dialog('stopped', words.stopped, 'end', () => act.go('/'),
  h('h2', null, words.stopped), h('p', { class: 'muted' }, words.stoppedWhy),
  h('div', { class: 'acts' }, button(words.toLobby, () => act.go('/'), { class: 'big primary' }))));
