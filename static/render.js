// Draws the page: what it should be is described by `h`, and `patch` changes what is there into it.

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @typedef {{ tag: string, props: Props, children: Child[] }} VNode
 * @typedef {VNode | string | number | boolean | null | undefined | Child[]} Child
 * @typedef {{ key?: string | number, class?: string | null, style?: Record<string, string | number | null | undefined>,
 *   on?: Record<string, ((event: any) => void) | false | null | undefined>, prop?: Record<string, unknown>, ref?: (el: any) => void,
 *   [attribute: string]: unknown }} Props
 */

/** What was drawn last: the props of an element, and the place of any node among its siblings. @type {WeakMap<Node, Props>} */
const drawn = new WeakMap();
/** @type {WeakMap<Node, string>} */
const places = new WeakMap();

/**
 * One element. `props` are attributes, but for `key`, `class`, `style` (set one by one), `on` (listeners), `prop` (DOM
 * properties) and `ref` (called with the element after each patch).
 * @param {string} tag
 * @param {Props | null} [props]
 * @param {...Child} children
 * @returns {VNode}
 */
export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, children };
}

/**
 * A symbol of the page; with a label it is an image to screen readers, without it is decoration.
 * @param {string} name
 * @param {string} [label]
 */
export function icon(name, label) {
  const said = label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': 'true' };
  return h('svg', { class: 'i', ...said }, h('use', { href: `#${name}` }));
}

/**
 * Makes the children of `parent` equal to `children`. An element is kept if its key (or, without one, its position) and
 * tag are the same, so focus, scrolling and what is being typed stay. What a dialog took the focus from gets it back; where
 * that is gone or disabled, what is beside or around it gets it.
 * @param {Element} parent
 * @param {Child} children
 */
export function patch(parent, children) {
  const focused = document.activeElement;
  const dialog = document.querySelector('dialog[open]');
  wanted = [focused, dialog && openers.get(dialog)].filter((el) => el instanceof Element && el !== document.body);
  returnTo = null;
  refuges = [];
  draw(parent, children);
  const has = document.activeElement;
  if (has && has !== document.body && !has.matches(':disabled')) return;
  const kept = [wanted[0] === focused ? focused : null, returnTo].find((el) => el?.isConnected) ?? null;
  const next = kept?.matches(':disabled') ? kept.closest(REFUGE) : kept ?? refuges.find((el) => el.isConnected);
  if (next instanceof HTMLElement) next.focus({ preventScroll: true });
}

/** What takes the focus when what had it cannot keep it: a row, a heading before rows, a group of buttons. From `main` nobody would find the way back. */
const REFUGE = '[tabindex="-1"]:not(main)';
/** What has the focus, and what gets it from the dialog that is open. @type {(Element | null | undefined)[]} */
let wanted = [];
/** Beside or around what this drawing takes away with the focus in it, the nearest first. @type {Element[]} */
let refuges = [];

/** @param {Element} el */
function refugesOf(el) {
  if (!el.matches(REFUGE)) return [el.parentElement?.closest(REFUGE) ?? []].flat();
  const all = [...el.parentElement?.children ?? []];
  const at = all.indexOf(el);
  return [...all.slice(at + 1), ...all.slice(0, at).reverse()].filter((other) => other.matches(REFUGE));
}

/** What had the focus before a dialog took it. @type {WeakMap<Element, Element | null>} */
const openers = new WeakMap();
/** What had it before the dialog that this drawing takes away. @type {Element | null} */
let returnTo = null;

/** Opens a dialog that has just been drawn, so that it takes the focus. @param {HTMLDialogElement} el @param {boolean} isModal */
export function openDialog(el, isModal) {
  if (el.open || !el.isConnected) return;
  const before = document.activeElement;
  openers.set(el, before && before !== document.body ? before : returnTo);
  if (isModal) el.showModal();
  else el.show();
}

/** @param {Node} node */
function remove(node) {
  if (node instanceof Element) {
    const dialog = node.matches('dialog[open]') ? node : node.querySelector('dialog[open]');
    if (dialog) returnTo = openers.get(dialog) ?? returnTo;
    if (wanted.some((el) => node.contains(el ?? null))) refuges.push(...refugesOf(node));
  }
  node.parentNode?.removeChild(node);
}

/** The children an element was last drawn with. @type {WeakMap<Element, { place: string, vnode: VNode | string }[]>} */
const lists = new WeakMap();

/** @param {Element} parent @param {Child} children */
function draw(parent, children) {
  const wanted = flatten(children, '');
  const before = lists.get(parent);
  lists.set(parent, wanted);
  const old = new Map();
  const strays = [];
  for (const node of parent.childNodes) {
    const place = places.get(node);
    if (place === undefined) strays.push(node);
    else old.set(place, node);
  }
  // Words that have not changed are left as the browser's translation has put them: in elements of its own.
  if (strays.length && before && isSame(before, wanted, old)) return wanted.forEach(({ place, vnode }) => typeof vnode !== 'string' && update(old.get(place), vnode));
  const nodes = wanted.map(({ place, vnode }) => {
    const known = old.get(place);
    const node = known && fits(known, vnode) ? known : make(parent, vnode);
    if (node === known) old.delete(place);
    places.set(node, place);
    return { node, vnode };
  });
  for (const node of [...old.values(), ...strays]) remove(node);
  let next = parent.firstChild;
  for (const { node, vnode } of nodes) {
    if (node === next) next = node.nextSibling;
    else parent.insertBefore(node, next);
    update(node, vnode);
  }
}

/**
 * Whether the same words and the same elements are wanted as before, and the elements are still there.
 * @param {{ place: string, vnode: VNode | string }[]} before
 * @param {{ place: string, vnode: VNode | string }[]} wanted
 * @param {Map<string, Node>} old
 */
function isSame(before, wanted, old) {
  return before.length === wanted.length && wanted.every(({ place, vnode }, index) => {
    const { place: was, vnode: had } = before[index];
    if (was !== place || typeof vnode !== typeof had) return false;
    const node = old.get(place);
    return typeof vnode === 'string' ? vnode === had : node !== undefined && fits(node, vnode);
  });
}

/**
 * Children in a row, each with a place that stays the same when others come and go.
 * @param {Child} child
 * @param {string} place
 * @returns {{ place: string, vnode: VNode | string }[]}
 */
function flatten(child, place) {
  if (child === null || child === undefined || typeof child === 'boolean') return [];
  if (Array.isArray(child)) return child.flatMap((inner, index) => flatten(inner, `${place}.${index}`));
  if (typeof child !== 'object') return [{ place, vnode: String(child) }];
  return [{ place: child.props.key === undefined ? place : `#${child.props.key}`, vnode: child }];
}

/** @param {Node} node @param {VNode | string} vnode */
function fits(node, vnode) {
  if (typeof vnode === 'string') return node.nodeType === Node.TEXT_NODE;
  return node.nodeName.toLowerCase() === vnode.tag.toLowerCase();
}

/** @param {Element} parent @param {VNode | string} vnode @returns {Node} */
function make(parent, vnode) {
  if (typeof vnode === 'string') return document.createTextNode(vnode);
  const inSvg = vnode.tag === 'svg' || (parent.namespaceURI === SVG && parent.nodeName !== 'foreignObject');
  return inSvg ? document.createElementNS(SVG, vnode.tag) : document.createElement(vnode.tag);
}

/** @param {Node} node @param {VNode | string} vnode */
function update(node, vnode) {
  if (typeof vnode === 'string') {
    if (node.nodeValue !== vnode) node.nodeValue = vnode;
    return;
  }
  const el = /** @type {HTMLElement} */ (node);
  const before = drawn.get(el) ?? {};
  const { props } = vnode;
  attributes(el, before, props);
  styles(el, before.style ?? {}, props.style ?? {});
  listeners(el, before.on ?? {}, props.on ?? {});
  drawn.set(el, props);
  draw(el, vnode.children);
  properties(el, props.prop ?? {});
  props.ref?.(el);
}

const NOT_ATTRIBUTES = new Set(['key', 'style', 'on', 'prop', 'ref']);

/** @param {Element} el @param {Props} before @param {Props} props */
function attributes(el, before, props) {
  for (const name of Object.keys(before)) {
    if (!NOT_ATTRIBUTES.has(name) && !(name in props)) el.removeAttribute(name);
  }
  for (const [name, value] of Object.entries(props)) {
    if (NOT_ATTRIBUTES.has(name) || before[name] === value) continue;
    if (value === false || value === null || value === undefined) el.removeAttribute(name);
    else el.setAttribute(name, value === true ? '' : String(value));
  }
}

/** @param {HTMLElement} el @param {NonNullable<Props['style']>} before @param {NonNullable<Props['style']>} style */
function styles(el, before, style) {
  for (const name of Object.keys(before)) if (!(name in style)) el.style.removeProperty(name);
  for (const [name, value] of Object.entries(style)) {
    if (before[name] !== value) el.style.setProperty(name, value === null || value === undefined ? '' : String(value));
  }
}

/** @param {Element} el @param {NonNullable<Props['on']>} before @param {NonNullable<Props['on']>} on */
function listeners(el, before, on) {
  for (const type of Object.keys(before)) if (!(type in on)) el.removeEventListener(type, dispatch);
  for (const type of Object.keys(on)) if (!(type in before)) el.addEventListener(type, dispatch);
}

/** Calls the listener of the newest drawing. @param {Event} event */
function dispatch(event) {
  const el = /** @type {Element} */ (event.currentTarget);
  const listener = drawn.get(el)?.on?.[event.type];
  if (listener) listener(event);
}

/** @param {any} el @param {Record<string, unknown>} props */
function properties(el, props) {
  for (const [name, value] of Object.entries(props)) if (el[name] !== value) el[name] = value;
}

/** How far a pointer moves before it drags, in CSS pixels. */
const DRAG_PX = 8;

/**
 * Follows a pointer from a hand card: a short way is a tap and left to the click, a long one lifts the card and drops it on a column.
 * @param {PointerEvent} down
 * @param {() => void} lift
 * @param {(flag: number) => void} drop
 */
export function drag(down, lift, drop) {
  const card = /** @type {HTMLElement} */ (down.currentTarget);
  if (down.button !== 0) return;
  let dragging = false;
  /** @type {Element | null} */
  let over = null;
  const move = (/** @type {PointerEvent} */ event) => {
    if (event.pointerId !== down.pointerId) return;
    const [dx, dy] = [event.clientX - down.clientX, event.clientY - down.clientY];
    if (!dragging && Math.hypot(dx, dy) < DRAG_PX) return;
    if (!dragging) lift();
    dragging = true;
    card.setAttribute('data-dragging', '');
    card.style.translate = `${dx}px ${dy}px`;
    const column = columnAt(event);
    if (column !== over) over?.removeAttribute('data-over');
    column?.setAttribute('data-over', '');
    over = column;
  };
  const up = (/** @type {PointerEvent} */ event) => {
    if (event.pointerId !== down.pointerId) return;
    document.removeEventListener('pointermove', move);
    for (const end of /** @type {const} */ (['pointerup', 'pointercancel'])) document.removeEventListener(end, up);
    over?.removeAttribute('data-over');
    if (!dragging) return;
    const column = event.type === 'pointerup' ? columnAt(event) : null;
    card.removeAttribute('data-dragging');
    card.style.translate = '';
    swallowClick();
    if (column instanceof HTMLElement) drop(Number(column.dataset.flag));
  };
  document.addEventListener('pointermove', move);
  for (const end of /** @type {const} */ (['pointerup', 'pointercancel'])) document.addEventListener(end, up);
}

/** @param {PointerEvent} event */
const columnAt = ({ clientX, clientY }) => document.elementFromPoint(clientX, clientY)?.closest('.col') ?? null;

/** The click that follows a drag means nothing. */
function swallowClick() {
  const swallow = (/** @type {Event} */ event) => event.stopPropagation();
  document.addEventListener('click', swallow, { capture: true, once: true });
  setTimeout(() => document.removeEventListener('click', swallow, { capture: true }));
}
