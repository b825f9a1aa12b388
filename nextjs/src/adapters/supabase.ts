/** A reader over supabase-js. The client carries the user's token; PostgREST sets role and claims from it. */
import type { SupabaseClient } from '@supabase/supabase-js';

import type { Reader } from '../reader.ts';

/** A request that PostgREST refused; `code` is its or Postgres' code. */
export class RequestRefused extends Error {
  override name = 'RequestRefused';
  constructor(readonly code: string) {
    super(`the request was refused (${code})`);
  }
}

/** `serving` must be among the schemas that the project's API exposes. */
export function supabaseReader(client: SupabaseClient<any, any, any>): Reader {
  const serving = client.schema('serving');
  const app = client.schema('public');
  return {
    recommendContents: ({ studentId, subjectIds, limit }, signal) =>
      rows(
        serving
          .rpc('recommend_contents', { student_id: studentId, subject_ids: subjectIds, max_items: limit })
          .abortSignal(signal),
      ),
    resumeContents: ({ studentId, limit }, signal) =>
      rows(serving.rpc('resume_contents', { student_id: studentId, max_items: limit }).abortSignal(signal)),
    predictScore: ({ studentId, subjectId, targetDate }, signal) =>
      rows(
        serving
          .rpc('predict_score', { student_id: studentId, subject_id: subjectId, target_date: targetDate })
          .abortSignal(signal),
      ),
    analyzePatterns: (studentId, signal) =>
      rows(serving.rpc('analyze_patterns', { student_id: studentId }).abortSignal(signal)),
    subjectRisks: (studentId, signal) =>
      rows(serving.rpc('subject_risks', { student_id: studentId }).abortSignal(signal)),
    studentOutlook: (studentId, signal) =>
      rows(serving.rpc('student_outlook', { student_id: studentId }).abortSignal(signal)),
    openWarnings: ({ tenantId, studentId, limit }, signal) =>
      rows(
        serving
          .rpc('open_warnings', { academy_id: tenantId, only_student: studentId, max_items: limit })
          .abortSignal(signal),
      ),
    scoreSummary: (studentId, signal) =>
      rows(serving.rpc('score_summary', { student_id: studentId }).abortSignal(signal)),

    async newestBooks({ studentId, subjectIds, limit }, signal) {
      const [student] = await rows<{ tenant_id: string; school_type: string | null }>(
        app.from('students').select('tenant_id, school_type').eq('id', studentId).abortSignal(signal),
      );
      if (student === undefined) return [];
      let query = app
        .from('master_books')
        .select('id, subject_id')
        .eq('is_active', true)
        .or(`tenant_id.is.null,tenant_id.eq.${student.tenant_id}`);
      if (student.school_type) query = query.or(`school_type.is.null,school_type.ilike.${student.school_type}`);
      if (subjectIds) query = query.in('subject_id', subjectIds);
      return rows(query.order('created_at', { ascending: false }).order('id').limit(limit).abortSignal(signal));
    },
    lastMockScores: ({ studentId, subjectId }, signal) =>
      rows(
        app
          .from('student_mock_scores')
          .select('exam_date, percentile')
          .eq('student_id', studentId)
          .eq('subject_id', subjectId)
          .not('percentile', 'is', null)
          .order('exam_date', { ascending: false })
          .limit(3)
          .abortSignal(signal),
      ),
    plansSince: (studentId, day, signal) =>
      rows(
        app
          .from('student_plan')
          .select('plan_date, status, actual_end_time')
          .eq('student_id', studentId)
          .gte('plan_date', day)
          .lte('plan_date', new Date().toISOString().slice(0, 10))
          .is('deleted_at', null)
          .eq('is_active', true)
          .order('plan_date', { ascending: false })
          .limit(1000)
          .abortSignal(signal),
      ),
    async mockScores(studentId, signal) {
      const scores = await rows<{ subject_group_id: string }>(
        app
          .from('student_mock_scores')
          .select('exam_date, subject_group_id, percentile, grade_score')
          .eq('student_id', studentId)
          .order('exam_date', { ascending: false })
          .order('id')
          .limit(100)
          .abortSignal(signal),
      );
      const ids = [...new Set(scores.map((score) => score.subject_group_id))];
      if (ids.length === 0) return [];
      const groups = await rows<{ id: string; name: string }>(
        app.from('subject_groups').select('id, name').in('id', ids).abortSignal(signal),
      );
      const names = new Map(groups.map((group) => [group.id, group.name]));
      return scores.map(({ subject_group_id: group, ...score }) => ({ ...score, subject_group: names.get(group) }));
    },
  };
}

async function rows<Row = unknown>(
  request: PromiseLike<{ data: unknown; error: { code: string } | null }>,
): Promise<Row[]> {
  const { data, error } = await request;
  if (error) throw new RequestRefused(error.code);
  return data as Row[];
}
