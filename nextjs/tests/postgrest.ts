/**
 * A stand-in for PostgREST, which none of the registries has: the requests that supabase-js makes for our reader, run
 * the way PostgREST runs them (a login as authenticator; role and claims for one transaction). It does not verify the
 * token's signature, and knows no more operators than the reader uses.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

import postgres from 'postgres';

import { APP_URL } from './world.ts';

const name = (text: string) => `"${text.replaceAll('"', '""')}"`;
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
const OPERATORS: Record<string, string> = { eq: '=', gte: '>=', lte: '<=', ilike: 'ilike' };

/** `column.operator.value` of an `or`, or `operator.value` of a column's own parameter. */
function condition(column: string, text: string): string {
  if (text.startsWith('not.')) return `not (${condition(column, text.slice(4))})`;
  const [operator, ...rest] = text.split('.');
  const value = rest.join('.');
  if (operator === 'is') return `${name(column)} is ${value === 'null' ? 'null' : 'true'}`;
  if (operator === 'in') return `${name(column)} in (${value.slice(1, -1).split(',').map(literal).join(',')})`;
  return `${name(column)} ${OPERATORS[operator!]} ${literal(value)}`;
}

function select(table: string, parameters: URLSearchParams): string {
  const where = ['true'];
  const tail = [];
  for (const [key, value] of parameters) {
    if (key === 'select' || key === 'offset') continue;
    if (key === 'or') {
      const parts = value.slice(1, -1).split(',').map((part) => {
        const [column, ...rest] = part.split('.');
        return condition(column!, rest.join('.'));
      });
      where.push(`(${parts.join(' or ')})`);
    } else if (key === 'order') {
      tail.push(`order by ${value.split(',').map((part) => part.replace('.', ' ')).join(', ')}`);
    } else if (key === 'limit') tail.push(`limit ${Number(value)}`);
    else where.push(condition(key, value));
  }
  const columns = parameters.get('select')!.split(',').map((column) => name(column.trim()));
  return `select ${columns} from ${name(table)} where ${where.join(' and ')} ${tail.join(' ')}`;
}

async function statement(request: IncomingMessage, url: URL): Promise<string> {
  const path = url.pathname.replace('/rest/v1/', '');
  if (!path.startsWith('rpc/')) return select(path, url.searchParams);
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const values = Object.entries(JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>).map(
    ([key, value]) => {
      const array = Array.isArray(value) ? `{${value.join(',')}}` : value;
      return `${name(key)} => ${array === null ? 'null' : literal(String(array))}`;
    },
  );
  return `select * from ${name(path.slice(4))}(${values.join(', ')})`;
}

export async function startPostgrest(): Promise<{ url: string; stop: () => Promise<void> }> {
  const sql = postgres(APP_URL, { max: 4, onnotice: () => {} });
  const server = createServer(async (request, response) => {
    const url = new URL(request.url!, 'http://127.0.0.1');
    const schema = (request.headers['accept-profile'] ?? request.headers['content-profile'] ?? 'public') as string;
    const claims = Buffer.from(request.headers.authorization!.split('.')[1]!, 'base64url').toString();
    try {
      const query = await statement(request, url);
      const [, rows] = await sql.begin('read only', (tx) => [
        tx`select set_config('search_path', ${schema}, true), set_config('role', 'authenticated', true),
          set_config('request.jwt.claims', ${claims}, true), set_config('statement_timeout', '8s', true)`,
        tx.unsafe(`select coalesce(jsonb_agg(to_jsonb(r)), '[]') as rows from (${query}) as r`),
      ]);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify((rows as unknown as { rows: unknown }[])[0]!.rows));
    } catch (error) {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ code: (error as { code?: string }).code ?? 'XX000', message: '' }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await sql.end({ timeout: 0 });
    },
  };
}
