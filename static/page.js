// The state of the page and what its parts may do, as types; never loaded by a browser. The messages are in protocol.js.

/** @import { ClosedWhy, Invites, Games, LobbyPage, LobbyQuery, Limits, Message, RefusalCode, Request, TableId, TableView, Update, You } from './protocol.js' */

/**
 * @template T, K
 * @typedef {T extends unknown ? Omit<T, K & keyof T> : never} Without
 */

/**
 * What is asked, before it has an id.
 * @typedef {Without<Request, 'id'>} Ask
 * `waits`: the server could not save it just now, and it will be sent again.
 * @typedef {Request & { waits?: boolean }} Pending
 * @typedef {Extract<Update, { update: 'welcome' }>} Welcome
 * @typedef {Extract<Update, { update: 'done' }>} Done
 * @typedef {Omit<Extract<Update, { update: 'refused' }>, 'code'> & { code: RefusalCode | 'another_account' | 'unreachable' }} Refused
 * @typedef {Done | Refused} Answer
 */

/**
 * @typedef {{ word: 'offline' | 'connecting' | 'connected' | 'reconnecting' | 'moving' | 'elsewhere' | 'logged_out' | 'quiet', sinceMs: number,
 *   retryAtMs: number | null }} ConnectionState
 * @typedef {'lobby' | 'table' | 'watch' | 'game' | 'player' | 'games' | 'rules' | 'account' | 'login' | 'nowhere'} RouteName
 * @typedef {{ name: RouteName, id: string }} Route
 * @typedef {{ key: number, code: string, words: string, name: string | null }} Notice
 * @typedef {{ page: LobbyPage, rows: { row: any, gone: boolean }[], changes: number }} Shown
 * @typedef {{ you: You | null, limits: Limits | null, offsetMs: number, lobby: LobbyPage | null, showing: LobbyQuery | null, shown: Shown | null, invites: Invites,
 *   games: Games, blocked: string[], seat: TableId | null, tables: Record<TableId, TableView>, sealed: Record<TableId, Record<number, string>>,
 *   closed: Record<TableId, ClosedWhy>, wentBack: TableId[], talk: Record<TableId, Message[]>,
 *   letters: Message[], notices: Notice[], noticed: number, connection: ConnectionState, pending: Pending[], route: Route,
 *   follows: boolean, ui: Record<string, any> }} State
 * `follows`: another tab of this browser has the connection, and this one shows what that one is told. `showing`: the page of the lobby
 * that the server was asked last to show, by whichever tab.
 * @typedef {Omit<State, 'ui' | 'route' | 'shown' | 'notices' | 'noticed' | 'follows'>} Shared
 * @typedef {{ kind: 'update', update: Update, nowMs?: number } | { kind: 'connection', connection: ConnectionState }
 *   | { kind: 'route', route: Route } | { kind: 'ui', part: string, value: any }
 *   | { kind: 'me', you: You } | { kind: 'shared', shared: Shared } | { kind: 'follows', follows: boolean }
 *   | { kind: 'notice', words: string, code?: string } | { kind: 'noticed', key: number }
 *   | { kind: 'sent', request: Pending } | { kind: 'answered', answer: Answer }} StateEvent
 */

/**
 * What a screen may do.
 * @typedef {{ ask: (ask: Ask) => Promise<Answer>, ui: (part: string, value: any) => void, go: (path: string) => void, redirect: (path: string) => void,
 *   notice: (words: string) => void, noticed: (key: number) => void,
 *   get: (path: string) => Promise<Reply>, post: (path: string, body?: object) => Promise<Reply>,
 *   login: () => void, takeBack: () => void }} Act
 * @typedef {{ ok: boolean, status: number, data: any }} Reply
 * @typedef {{ draw: (state: State, act: Act) => import('./render.js').Child, enter?: (state: State, act: Act) => void,
 *   leave?: (state: State, act: Act) => void, tick?: (state: State, act: Act) => void, bar?: (state: State, act: Act) => import('./render.js').Child,
 *   covers?: (state: State) => boolean, word?: (state: State) => { text: string, kind: string } | null, title?: (state: State) => string }} Screen
 */

export {};
