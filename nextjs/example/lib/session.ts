import 'server-only';

/** Who is signed in. */
export interface Session {
  sub: string;
}

/** The app has `supabase.auth.getUser()` here, which verifies the token. The example has one user, from the environment. */
export async function getSession(): Promise<Session> {
  const sub = process.env['EXAMPLE_STUDENT_ID'];
  if (!sub) throw new Error('EXAMPLE_STUDENT_ID is not set');
  return { sub };
}
