// The help page explains the keys of the desk, though they do nothing there.
import { explain } from "./keys.js";
import { DESK_KEYS } from "./desk-keys.js";

explain(DESK_KEYS);
