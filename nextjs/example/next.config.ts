import { fileURLToPath } from 'node:url';

import type { NextConfig } from 'next';

// The reader's sources and node_modules lie one folder up.
const root = fileURLToPath(new URL('..', import.meta.url));
const config: NextConfig = { turbopack: { root }, outputFileTracingRoot: root };
export default config;
