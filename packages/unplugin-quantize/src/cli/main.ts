#!/usr/bin/env node
import process from 'node:process';
import { runCommandLine } from './run.ts';

process.exitCode = await runCommandLine(process.argv);
