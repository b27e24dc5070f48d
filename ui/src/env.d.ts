/** True in builds for tests and design work: the in-memory host may be chosen by the page's address. */
declare const __FAKE_HOST__: boolean;
/** True in builds for tests in a plain browser: the page finds the app behind a WebSocket. */
declare const __SOCKET_HOST__: boolean;
