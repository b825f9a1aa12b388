/** The database that the tests read: students of tests/serving/world.py, and rows for them. */
import postgres from 'postgres';

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the tests with pytest, which makes their database`);
  return value;
}

/** As an owner, who sees and may do everything. */
export const OWNER_URL = setting('TLU_TEST_OWNER_URL');
/** As `authenticator`, who may do nothing but take a role. */
export const APP_URL = setting('TLU_TEST_APP_URL');

const id = (number: number) => `00000000-0000-0000-0000-${number.toString(16).padStart(12, '0')}`;
export const [TENANT, OTHER_TENANT] = [id(1), id(2)];
/** Of the same year of one academy; rows of their own have the first two. */
export const [STUDENT, OTHER, NEW] = [id(100), id(101), id(102)];
/** Of another academy, where nothing is published. */
export const ELSEWHERE = id(103);
export const [REVISION, MATH, CALCULUS, READING] = [id(400), id(401), id(403), id(404)];
export const NOBODY = id(999);
export const [CONSULTANT, OTHER_ADMIN] = [id(300), id(301)];
export const [WARNING, OTHER_WARNING] = [id(800), id(801)];
export const BOOK = id(700);
export const TARGET = '2026-12-06';

export async function publish(owner: postgres.Sql): Promise<void> {
  await owner.unsafe(`
    delete from serving.content_recommendations;
    delete from serving.fallback_recommendations;
    delete from serving.content_resumptions;
    delete from serving.score_predictions;
    delete from serving.fallback_score_predictions;
    delete from serving.student_learning_patterns;
    delete from serving.student_risk_analysis;
    delete from serving.student_predictions;
    delete from serving.early_warnings;
    delete from serving.warning_actions;
    delete from serving.score_summaries;
    delete from serving.publication;
    insert into serving.publication
    values ('run-1', 1, '2026-11-23', now(), now() + interval '1 hour', now(), '', '{}', '{}', '{}', true);
    insert into serving.content_recommendations
    select student, n, '${TENANT}', 'book', ('00000000-0000-0000-0000-' || lpad(to_hex(600 + n), 12, '0'))::uuid, '수학',
      case when n % 2 = 0 then '${CALCULUS}'::uuid end, n, 1.0 / n, '[{"code": "next_in_series"}]',
      case student when '${STUDENT}' then '첫째의 다음 권이에요.' else '둘째의 다음 권이에요.' end,
      'links', 'run-1', 'rec-1', now()
    from unnest(array['${STUDENT}', '${OTHER}']::uuid[]) as student, generate_series(1, 20) as n;
    insert into serving.fallback_recommendations
    values ('${TENANT}', 'HIGH', 2, '수학', 1, 'book', '${BOOK}', '${CALCULUS}', 0.4, '[]', '같은 학년이 많이 골랐어요.',
      'popular', 'run-1', 'rec-1', now());
    insert into serving.content_resumptions
    select '${STUDENT}', n, '${TENANT}', 'book', ('00000000-0000-0000-0000-' || lpad(to_hex(700 + n), 12, '0'))::uuid, '수학',
      null, case n when 1 then 0.25 end, '2026-11-02', '[{"code": "unfinished"}]', '이어서 마쳐 보세요.', 'run-1', 'rec-1',
      now()
    from generate_series(1, 3) as n;
    insert into serving.score_predictions (student_id, subject_group, exam_kind, target_date, tenant_id, current_score,
      predicted_score, lower, upper, lower_90, upper_90, confidence, trend, factors, reasoning, scales, interval_basis,
      past_exam_count, basis, run_id, model_version, computed_at)
    select '${STUDENT}', '수학', kind, day, '${TENANT}', 60, 70, 55, 85, 50, 90, 0.7, 'improving',
      '[{"code": "cohort_mean", "points": 50}, {"code": "past_exams", "points": 20, "text": "지난 시험이 높아요."}]',
      '꾸준히 오르고 있어요.', case kind when 'mock' then '{"rank_grade_levels": 9, "rank_grades": [2, 3],
        "standard_score": {"predicted": 121, "lower": 114, "upper": 128}}'::jsonb else '{}' end,
      'calibrated', 4, 'hierarchical', 'run-1', 'score-1', now()
    from unnest(array['mock', 'internal']) as kind, unnest(array['2026-12-01', '2026-12-11']::date[]) as day;
    insert into serving.fallback_score_predictions (tenant_id, school_type, school_year_level, subject_group, exam_kind,
      predicted_score, lower, upper, lower_90, upper_90, confidence, reasoning, scales, interval_basis, student_count,
      basis, run_id, model_version, computed_at)
    values ('${TENANT}', 'HIGH', 2, '수학', 'mock', 52, 20, 84, 10, 92, 0.1, '같은 학년의 점수예요.', '{}', 'uncalibrated', 6,
      'insufficient_data', 'run-1', 'score-1', now());
    insert into serving.student_learning_patterns values ('${STUDENT}', '${TENANT}', '{evening}', '{1,2}', '{0}', '{영어}',
      71.5, 95, 120, '[]', '[]', '[]', null, null, null, null, '{20,21}', 40, 0.7, '2026-08-31', '2026-11-22', 'measured',
      'run-1', 'patterns-1', now(),
      '{"strong_days": {"status": "measured", "n": 24, "minimum": 3, "lower": null, "upper": null},
        "preferred_study_times": {"status": "insufficient", "n": 4, "minimum": 10}}', null,
      '[{"date": "2026-10-12", "kind": "daily_minutes", "before": 120, "after": 80, "text": "하루 40분 줄었어요."}]',
      '[{"kind": "book", "p50": 38, "p80": 55}]');
    insert into serving.student_risk_analysis (student_id, subject, tenant_id, risk_score, recent_grade_trend,
      mastery_estimate, factors, basis, run_id, model_version, computed_at, is_weak, score_count, legacy_differences,
      reasoning)
    values
      ('${STUDENT}', '수학', '${TENANT}', 20, 1, 85, '[{"code": "level", "points": 20, "text": "등급이 좋아요."}]', 'scores',
        'run-1', 'risk-1', now(), false, 4, '[]', '오르고 있어요.'),
      ('${STUDENT}', '영어', '${TENANT}', null, 0, null, '[]', 'insufficient', 'run-1', 'risk-1', now(), false, 1, '[]',
        '시험 기록이 더 필요해요.');
    insert into serving.student_predictions (student_id, prediction_type, prediction_date, tenant_id,
      target_period_start, target_period_end, prediction_score, base_score, confidence, contributing_factors,
      recommended_interventions, subject, basis, reasoning, run_id, model_version, computed_at)
    values ('${STUDENT}', 'subject_struggle', '2026-11-23', '${TENANT}', '2026-11-23', '2026-12-20', 62, 50, 0.5,
      '[{"factor": "completion", "impact": 12, "description": "영어 계획을 덜 마쳤어요."}]', '[{"type": "reduce_load"}]',
      '영어', 'additive', '영어가 밀리고 있어요.', 'run-1', 'outlook-1', now());
    insert into serving.early_warnings (student_id, warning_type, subject, detected_date, tenant_id, severity,
      detected_at, context_data, recommended_actions, id, probability, reasoning, run_id, model_version, computed_at)
    values
      ('${STUDENT}', 'subject_struggle', '영어', '2026-11-23', '${TENANT}', 'high', '2026-11-23 00:00+09',
        '{"current_rate": 40}', '[{"action": "contact", "priority": 1}]', '${WARNING}', 0.62, '영어가 밀려요.', 'run-1',
        'warnings-1', now()),
      ('${OTHER}', 'streak_break', '', '2026-11-22', '${TENANT}', 'low', '2026-11-22 00:00+09', '{}', '[]',
        '${OTHER_WARNING}', 0.5, '사흘째 쉬고 있어요.', 'run-1', 'warnings-1', now());
    insert into serving.warning_actions (warning_id, student_id, tenant_id, warning_type, subject, detected_date,
      action_type, action_taken_by, action_at)
    values ('${WARNING}', '${STUDENT}', '${TENANT}', 'subject_struggle', '영어', '2026-11-23', 'acknowledged',
      '${CONSULTANT}', '2026-11-23 10:00+09');
    insert into serving.score_summaries (student_id, tenant_id, mock_summary, peer_comparison, run_id, model_version,
      computed_at)
    values ('${STUDENT}', '${TENANT}', '{"avgPercentile": 71.5}', '[{"subjectGroup": "수학", "cohortSize": 8}]', 'run-1',
      'scores-1', now());
  `);
}

/** Books, mock exams and plans of the app itself. */
export async function fillApp(owner: postgres.Sql): Promise<void> {
  await owner.unsafe(`
    insert into public.master_books (id, title, is_active, tenant_id, school_type, subject_id, total_pages, created_at)
    select ('00000000-0000-0000-0000-' || lpad(to_hex(700 + n), 12, '0'))::uuid, '교재 ' || n, n <> 9,
      case n when 8 then '${OTHER_TENANT}'::uuid end, case n when 7 then 'MIDDLE' when 6 then 'HIGH' end,
      case when n < 4 then '${CALCULUS}'::uuid end, 100, now() - n * interval '1 day'
    from generate_series(0, 9) as n;
    insert into public.student_mock_scores (student_id, tenant_id, exam_date, exam_title, grade, subject_id,
      subject_group_id, percentile, grade_score)
    select '${STUDENT}', '${TENANT}', date '2026-01-01' + n * 30, '모의 ' || n, 2, '${CALCULUS}', '${MATH}', 40 + n * 10,
      7 - n
    from generate_series(1, 4) as n;
    insert into public.student_plan (student_id, tenant_id, plan_date, block_index, content_type, content_id, status)
    select '${STUDENT}', '${TENANT}', current_date - n, 0, 'book', '${BOOK}',
      case when extract(dow from current_date - n) = 0 then 'pending' else 'completed' end
    from generate_series(1, 27) as n;
  `);
}

/** Connections that end with the test file. */
export const owner = postgres(OWNER_URL, { max: 2, onnotice: () => {} });
