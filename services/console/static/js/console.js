// What every page needs: countdowns on the server's clock, the live line, troubles that lose nothing, the session's end.
import "./copy.js";
import { startClocks } from "./clocks.js";
import { startLine } from "./live.js";
import { startTroubles } from "./troubles.js";
import { startSession } from "./session.js";
import { startSound } from "./sound.js";
import { startKeys } from "./keys.js";

startSession();
startTroubles();
startClocks();
startSound();
startKeys();
startLine();
