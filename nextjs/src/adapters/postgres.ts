/** A reader over plain SQL with the `postgres` package. Also through a transaction pooler (`prepare: false`). */
import type { PendingQuery, Row, Sql, TransactionSql } from 'postgres';

import type { Reader } from '../reader.ts';

/** Of the caller's verified session, never of a request's parameters. */
export interface Claims {
  sub: string;
  [claim: string]: unknown;
}

/**
 * Every read is one read-only transaction that takes the role `authenticated` and the claims for itself alone: set for
 * the session they would stay on a pooled connection, and the next user would read this one's rows. All statements are
 * sent at once, so a read costs one round trip.
 */
export function postgresReader(sql: Sql, claims: Claims, statementTimeoutMs = 1_000): Reader {
  const settings = JSON.stringify({ ...claims, role: 'authenticated' });

  async function read(signal: AbortSignal, query: (tx: TransactionSql) => PendingQuery<Row[]>): Promise<unknown[]> {
    signal.throwIfAborted();
    const results = await sql.begin('read only', (tx) => {
      const wanted = query(tx);
      signal.addEventListener('abort', () => wanted.cancel(), { once: true });
      return [
        tx`select set_config('role', 'authenticated', true), set_config('request.jwt.claims', ${settings}, true),
          set_config('statement_timeout', ${String(statementTimeoutMs)}, true)`,
        wanted,
      ];
    });
    // Each row is one jsonb, so that every driver gives what PostgREST gives: no Date, no text for a number.
    return (results.at(-1) as unknown as { row: unknown }[]).map(({ row }) => row);
  }

  return {
    recommendContents: ({ studentId, subjectIds, limit }, signal) =>
      read(signal, (tx) => tx`
        select to_jsonb(r) as row
        from serving.recommend_contents(${studentId}, ${uuids(subjectIds)}::text::uuid[], ${limit}) as r
        order by r.rank`),
    resumeContents: ({ studentId, limit }, signal) =>
      read(signal, (tx) => tx`
        select to_jsonb(r) as row from serving.resume_contents(${studentId}, ${limit}) as r order by r.rank`),
    predictScore: ({ studentId, subjectId, targetDate }, signal) =>
      read(signal, (tx) => tx`
        select to_jsonb(r) as row
        from serving.predict_score(${studentId}, ${subjectId}, ${targetDate}::text::date) as r`),
    analyzePatterns: (studentId, signal) =>
      read(signal, (tx) => tx`select to_jsonb(r) as row from serving.analyze_patterns(${studentId}) as r`),
    subjectRisks: (studentId, signal) =>
      read(signal, (tx) => tx`select to_jsonb(r) as row from serving.subject_risks(${studentId}) as r`),
    studentOutlook: (studentId, signal) =>
      read(signal, (tx) => tx`select to_jsonb(r) as row from serving.student_outlook(${studentId}) as r`),
    openWarnings: ({ tenantId, studentId, limit }, signal) =>
      read(signal, (tx) => tx`
        select to_jsonb(r) as row from serving.open_warnings(${tenantId}, ${studentId}::text::uuid, ${limit}) as r`),
    scoreSummary: (studentId, signal) =>
      read(signal, (tx) => tx`select to_jsonb(r) as row from serving.score_summary(${studentId}) as r`),

    newestBooks: ({ studentId, subjectIds, limit }, signal) =>
      read(signal, (tx) => tx`
        select to_jsonb(r) as row from (
          select b.id, b.subject_id
          from public.master_books as b
          inner join public.students as s on s.id = ${studentId}
          where b.is_active
            and (b.tenant_id is null or b.tenant_id = s.tenant_id)
            and (b.school_type is null or s.school_type is null or upper(b.school_type) = upper(s.school_type))
            and (${uuids(subjectIds)}::text is null or b.subject_id = any(${uuids(subjectIds)}::text::uuid[]))
          order by b.created_at desc, b.id
          limit ${limit}
        ) as r`),
    lastMockScores: ({ studentId, subjectId }, signal) =>
      read(signal, (tx) => tx`
        select to_jsonb(r) as row from (
          select exam_date, percentile from public.student_mock_scores
          where student_id = ${studentId} and subject_id = ${subjectId} and percentile is not null
          order by exam_date desc limit 3
        ) as r`),
    plansSince: (studentId, day, signal) =>
      read(signal, (tx) => tx`
        select to_jsonb(r) as row from (
          select plan_date, status, actual_end_time from public.student_plan
          where student_id = ${studentId} and plan_date >= ${day}::text::date and plan_date <= current_date
            and deleted_at is null and is_active
          order by plan_date desc limit 1000
        ) as r`),
    mockScores: (studentId, signal) =>
      read(signal, (tx) => tx`
        select to_jsonb(r) as row from (
          select m.exam_date, g.name as subject_group, m.percentile, m.grade_score
          from public.student_mock_scores as m
          inner join public.subject_groups as g on g.id = m.subject_group_id
          where m.student_id = ${studentId}
          order by m.exam_date desc, m.id limit 100
        ) as r`),
  };
}

/** A Postgres array in text form: it needs nothing of the driver's array types. */
function uuids(ids: readonly string[] | null): string | null {
  return ids && `{${ids.join(',')}}`;
}
