/** True in builds for tests and design work: the in-memory host may be chosen by the page's address. */
declare const __FAKE_HOST__: boolean;
