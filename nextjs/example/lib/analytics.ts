import 'server-only';

import postgres from 'postgres';

import { postgresReader } from '../../src/adapters/postgres.ts';
import { createAnalytics, createCircuit } from '../../src/index.ts';
import type { Session } from './session.ts';

// One pool and one circuit a process. No prepared statements: a pooler in transaction mode may sit between.
const sql = postgres(process.env['DATABASE_URL']!, { max: 3, prepare: false, connect_timeout: 2 });
const circuit = createCircuit();

/** Answers for whoever is signed in. */
export function analyticsFor(session: Session) {
  const onProblem = (call: string, problem: string) => console.warn(`${call}: ${problem}`);
  return createAnalytics(postgresReader(sql, { sub: session.sub }), { onProblem }, circuit);
}

/** Titles of contents by id: the app's own business, since published rows carry ids only. */
export async function titlesOf(session: Session, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const claims = JSON.stringify({ sub: session.sub, role: 'authenticated' });
  const wanted = `{${ids.join(',')}}`;
  try {
    const results = await sql.begin('read only', (tx) => [
      tx`select set_config('role', 'authenticated', true), set_config('request.jwt.claims', ${claims}, true),
        set_config('statement_timeout', '300', true)`,
      tx`select id, title from public.master_books where id = any(${wanted}::text::uuid[])
        union all select id, title from public.master_lectures where id = any(${wanted}::text::uuid[])
        union all select id, title from public.master_custom_contents where id = any(${wanted}::text::uuid[])`,
    ]);
    const rows = results[1] as unknown as { id: string; title: string }[];
    return new Map(rows.map((row) => [row.id, row.title]));
  } catch (error) {
    console.warn(`titles: ${(error as { code?: string }).code ?? 'unavailable'}`);
    return new Map();
  }
}
