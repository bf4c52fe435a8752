// Loaded in front of a program: leaves the largest memory of its process, in megabytes, in the file that MEMORY_FILE names.
const { writeFileSync } = require('node:fs');

process.on('exit', () => writeFileSync(process.env.MEMORY_FILE, String(process.resourceUsage().maxRSS / 1024)));
