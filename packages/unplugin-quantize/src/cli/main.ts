#!/usr/bin/env node
import { runCommandLine } from './run.ts';

// `process` is not imported: the module of that name opens standard input.
process.exitCode = await runCommandLine(process.argv);
