/** What rows must look like, and how the app sees them. The one place where snake_case becomes camelCase. */
import { z } from 'zod';

import type { Database } from './database.types.ts';

const percentile = z.number().min(0).max(100);
const share = z.number().min(0).max(1);
const day = z.iso.date();
const json = z.record(z.string(), z.json());

/** What every row of `serving` says about where it comes from. */
const origin = {
  source: z.enum(['personal', 'stale', 'cohort']),
  /** null while no publication is current. */
  as_of: day.nullable(),
  model_version: z.string(),
};

export const recommendationRow = z.object({
  rank: z.int().min(1),
  content_type: z.enum(['book', 'lecture', 'custom']),
  content_id: z.guid(),
  subject_group: z.string().nullable(),
  subject_id: z.guid().nullable(),
  score: share,
  reasons: z.array(json),
  reasoning: z.string(),
  basis: z.string(),
  ...origin,
});

export const resumptionRow = z.object({
  rank: z.int().min(1),
  content_type: z.enum(['book', 'lecture', 'custom']),
  content_id: z.guid(),
  subject_group: z.string().nullable(),
  subject_id: z.guid().nullable(),
  done_share: share.nullable(),
  last_done_date: day,
  reasons: z.array(json),
  reasoning: z.string(),
  ...origin,
});

/** A number on another of the app's scales, with its 80 % interval. */
const onScale = z.object({ predicted: z.number(), lower: z.number(), upper: z.number() });

/** The same prediction on the app's other scales, as far as it can be told there. */
const scales = z.object({
  /** Grades of the student's curriculum, 9 or 5. */
  rank_grade_levels: z.int().min(1).nullish(),
  /** 등급 that the interval reaches, 1 best. */
  rank_grades: z.array(z.int().min(1)).nullish(),
  standard_score: onScale.nullish(),
  raw_score: onScale.nullish(),
});

export const predictionRow = z.object({
  exam_kind: z.enum(['internal', 'mock']),
  subject_group: z.string(),
  predicted_for: day,
  current_score: percentile.nullable(),
  predicted_score: percentile,
  lower: percentile,
  upper: percentile,
  lower_90: percentile,
  upper_90: percentile,
  confidence: share,
  trend: z.enum(['improving', 'stable', 'declining', 'unknown']),
  factors: z.array(json),
  reasoning: z.string(),
  scale: z.enum(['percentile', 'raw_score']),
  scales,
  interval_basis: z.enum(['calibrated', 'uncalibrated']),
  past_exam_count: z.int().min(0),
  basis: z.string(),
  ...origin,
});

/** How much was seen of a figure; under `minimum` it is not told. */
const evidence = z.object({
  status: z.enum(['measured', 'insufficient']),
  n: z.number().nullish(),
  minimum: z.number(),
  lower: z.number().nullish(),
  upper: z.number().nullish(),
});

const changePoint = z.object({
  date: day,
  kind: z.string(),
  before: z.number().nullable(),
  after: z.number().nullable(),
  text: z.string(),
});

export const patternsRow = z.object({
  preferred_study_times: z.array(z.string()),
  strong_days: z.array(z.int().min(0).max(6)),
  weak_days: z.array(z.int().min(0).max(6)),
  frequently_incomplete_subjects: z.array(z.string()),
  overall_completion_rate: percentile.nullable(),
  average_daily_study_minutes: z.int().min(0).nullable(),
  total_plans_analyzed: z.int().min(0),
  peak_productivity_hours: z.array(z.int().min(0).max(23)),
  avg_session_duration_minutes: z.int().min(0).nullable(),
  subject_strengths: z.array(
    z.object({
      subject: z.string(),
      mastery: z.number().nullable(),
      risk: z.number().nullable(),
      status: z.enum(['measured', 'insufficient']),
    }),
  ),
  /** Of a cohort only how many students it has. */
  details: z
    .object({
      evidence: z.record(z.string(), evidence).nullish(),
      weekly_rhythm: json.nullish(),
      change_points: z.array(changePoint).nullish(),
      realistic_minutes: z.array(json).nullish(),
    })
    .catchall(z.json()),
  basis: z.string(),
  ...origin,
});

export const riskRow = z.object({
  subject: z.string(),
  risk_score: percentile.nullable(),
  is_weak: z.boolean(),
  recent_grade_trend: z.union([z.literal(-1), z.literal(0), z.literal(1)]),
  consistency_score: percentile.nullable(),
  mastery_estimate: percentile.nullable(),
  recent_3_avg_grade: z.number().nullable(),
  grade_change: z.number().nullable(),
  score_count: z.int().min(0),
  factors: z.array(json),
  reasoning: z.string(),
  basis: z.string(),
  ...origin,
});

export const outlookRow = z.object({
  prediction_type: z.enum(['weekly_completion', 'subject_struggle', 'burnout_risk', 'exam_readiness']),
  prediction_date: day,
  target_period_start: day,
  target_period_end: day,
  subject: z.string().nullable(),
  prediction_score: percentile,
  base_score: percentile,
  confidence: share,
  contributing_factors: z.array(z.object({ factor: z.string(), impact: z.number(), description: z.string() })),
  recommended_interventions: z.array(json),
  reasoning: z.string(),
  basis: z.string(),
  ...origin,
});

export const warningRow = z.object({
  id: z.guid(),
  student_id: z.guid(),
  warning_type: z.enum([
    'completion_drop',
    'streak_break',
    'subject_struggle',
    'burnout_risk',
    'schedule_overload',
    'exam_unpreparedness',
  ]),
  subject: z.string(),
  severity: z.enum(['low', 'medium', 'high', 'critical']),
  detected_date: day,
  probability: share,
  context_data: json,
  recommended_actions: z.array(json),
  reasoning: z.string(),
  last_action: z.string().nullable(),
  last_action_at: z.iso.datetime({ offset: true }).nullable(),
  ...origin,
});

export const summaryRow = z.object({
  internal_summary: json.nullable(),
  mock_summary: json.nullable(),
  strategy_summary: json.nullable(),
  peer_comparison: z.array(json).nullable(),
  ...origin,
});

// Of the app's own tables. numeric columns come as a number or as text, as the driver has it.
export const bookRow = z.object({ id: z.guid(), subject_id: z.guid().nullable() });
export const mockScoreRow = z.object({ exam_date: day, percentile: z.coerce.number().min(0).max(100) });
export const gradeRow = z.object({
  exam_date: day,
  subject_group: z.string(),
  percentile: z.coerce.number().min(0).max(100).nullable(),
  grade_score: z.coerce.number().min(1).nullable(),
});
export const planRow = z.object({ plan_date: day, status: z.string().nullable(), actual_end_time: z.string().nullable() });

export interface Recommendation {
  rank: number;
  contentType: 'book' | 'lecture' | 'custom';
  contentId: string;
  subjectGroup: string | null;
  subjectId: string | null;
  /** 0 to 1 within the list; null where nothing was scored. */
  score: number | null;
  reasons: readonly Record<string, unknown>[];
  /** One Korean sentence. */
  reasoning: string;
}

/** A content that the student has begun and left. */
export interface Resumption {
  rank: number;
  contentType: 'book' | 'lecture' | 'custom';
  contentId: string;
  subjectGroup: string | null;
  subjectId: string | null;
  /** 0 to 1; null where the content's length is unknown. */
  doneShare: number | null;
  /** YYYY-MM-DD, in Seoul. */
  lastDoneDate: string;
  reasons: readonly Record<string, unknown>[];
  /** One Korean sentence. */
  reasoning: string;
}

export interface OnScale {
  predicted: number;
  lower: number;
  upper: number;
}

/** Scores of an exam on `scale`, 0 to 100, higher better. */
export interface ScorePrediction {
  examKind: 'internal' | 'mock';
  subjectGroup: string | null;
  targetDate: string;
  currentScore: number | null;
  predictedScore: number;
  /** Bounds that hold 80 % of outcomes, and the confidence, 0 to 1; null where nothing was modelled. */
  lower: number | null;
  upper: number | null;
  /** The same for 90 %. */
  lower90: number | null;
  upper90: number | null;
  confidence: number | null;
  trend: 'improving' | 'stable' | 'declining' | 'unknown';
  /** Points of the score: first the cohort's mean (`cohort_mean`), then what moves the prediction away from it. */
  factors: readonly Record<string, unknown>[];
  /** One Korean text; null where nothing was modelled. */
  reasoning: string | null;
  scale: 'percentile' | 'raw_score';
  /** The same prediction on the app's other scales, as far as it can be told there. */
  scales: {
    rankGradeLevels: number | null;
    /** 등급 that the interval reaches, 1 best. */
    rankGrades: readonly number[];
    standardScore: OnScale | null;
    rawScore: OnScale | null;
  };
  /** Whether later scores were held against the intervals; null where there is none. */
  intervalBasis: 'calibrated' | 'uncalibrated' | null;
  /** Scores of the student that the prediction knows. */
  pastExamCount: number;
}

/** Days are 0 (Sunday) to 6, hours 0 to 23 in Seoul, rates 0 to 100. */
export interface LearningPatterns {
  preferredStudyTimes: readonly string[];
  strongDays: readonly number[];
  weakDays: readonly number[];
  frequentlyIncompleteSubjects: readonly string[];
  overallCompletionRate: number | null;
  averageDailyStudyMinutes: number | null;
  totalPlansAnalyzed: number;
  peakProductivityHours: readonly number[];
  avgSessionDurationMinutes: number | null;
  /** Strongest first; last those of which too little is known, without a risk. */
  subjectStrengths: readonly {
    subject: string;
    mastery: number | null;
    risk: number | null;
    status: 'measured' | 'insufficient';
  }[];
  /** By figure of serving.student_learning_patterns; empty where no figure is the student's own. */
  evidence: Readonly<Record<string, Evidence>>;
  /** null where there are too few weeks. */
  weeklyRhythm: Record<string, unknown> | null;
  changePoints: readonly ChangePoint[];
  /** How long kinds of work take the student. */
  realisticMinutes: readonly Record<string, unknown>[];
  details: Record<string, unknown>;
}

/** How much was seen of a figure, and its 80 % interval; under `minimum` the figure is not told. */
export interface Evidence {
  status: 'measured' | 'insufficient';
  n: number | null;
  minimum: number;
  lower: number | null;
  upper: number | null;
}

/** Since `date`, YYYY-MM-DD, something is not what it was. */
export interface ChangePoint {
  date: string;
  kind: string;
  before: number | null;
  after: number | null;
  /** One Korean sentence. */
  text: string;
}

export interface SubjectRisk {
  subject: string;
  /** 0 to 100, higher is riskier; null where too little is known, which is no risk of zero. */
  riskScore: number | null;
  isWeak: boolean;
  /** +1 is better. */
  recentGradeTrend: -1 | 0 | 1;
  /** 0 to 100, higher better. */
  consistencyScore: number | null;
  masteryEstimate: number | null;
  /** 등급 of nine, 1 best. */
  recent3AvgGrade: number | null;
  /** Positive is worse. */
  gradeChange: number | null;
  scoreCount: number;
  /** Points that add up to the risk. */
  factors: readonly Record<string, unknown>[];
  /** Korean; null where nothing was modelled. */
  reasoning: string | null;
}

export interface OutlookPrediction {
  type: 'weekly_completion' | 'subject_struggle' | 'burnout_risk' | 'exam_readiness';
  /** Days, YYYY-MM-DD. */
  madeOn: string;
  periodStart: string;
  periodEnd: string;
  subject: string | null;
  /** Per cent: a rate for weekly_completion, else a probability. */
  score: number;
  /** What the impacts are counted from, and 0 to 1; null where nothing was modelled. */
  baseScore: number | null;
  confidence: number | null;
  factors: readonly { factor: string; impact: number; description: string }[];
  interventions: readonly Record<string, unknown>[];
  /** Korean; null where nothing was modelled. */
  reasoning: string | null;
}

/** For staff alone. */
export interface EarlyWarning {
  /** What a row of serving.warning_actions is about. */
  id: string;
  studentId: string;
  type:
    | 'completion_drop'
    | 'streak_break'
    | 'subject_struggle'
    | 'burnout_risk'
    | 'schedule_overload'
    | 'exam_unpreparedness';
  subject: string | null;
  severity: 'low' | 'medium' | 'high' | 'critical';
  detectedDate: string;
  /** 0 to 1. */
  probability: number;
  context: Record<string, unknown>;
  recommendedActions: readonly Record<string, unknown>[];
  /** Korean. */
  reasoning: string;
  /** What staff did last, and when. */
  lastAction: string | null;
  lastActionAt: string | null;
}

/** The app's student_score_analysis_cache, and the student beside peers; null where there are no such scores. */
export interface ScoreSummary {
  internal: Record<string, unknown> | null;
  mock: Record<string, unknown> | null;
  strategy: Record<string, unknown> | null;
  /** One for each subject group and kind of exam with a cohort of five or more. */
  peers: readonly Record<string, unknown>[] | null;
}

export function toRecommendation(row: z.output<typeof recommendationRow>): Recommendation {
  return {
    rank: row.rank,
    contentType: row.content_type,
    contentId: row.content_id,
    subjectGroup: row.subject_group,
    subjectId: row.subject_id,
    score: row.score,
    reasons: row.reasons,
    reasoning: row.reasoning,
  };
}

export function toResumption(row: z.output<typeof resumptionRow>): Resumption {
  return {
    rank: row.rank,
    contentType: row.content_type,
    contentId: row.content_id,
    subjectGroup: row.subject_group,
    subjectId: row.subject_id,
    doneShare: row.done_share,
    lastDoneDate: row.last_done_date,
    reasons: row.reasons,
    reasoning: row.reasoning,
  };
}

export function toPrediction(row: z.output<typeof predictionRow>): ScorePrediction {
  return {
    examKind: row.exam_kind,
    subjectGroup: row.subject_group,
    targetDate: row.predicted_for,
    currentScore: row.current_score,
    predictedScore: row.predicted_score,
    lower: row.lower,
    upper: row.upper,
    lower90: row.lower_90,
    upper90: row.upper_90,
    confidence: row.confidence,
    trend: row.trend,
    factors: row.factors,
    reasoning: row.reasoning,
    scale: row.scale,
    scales: {
      rankGradeLevels: row.scales.rank_grade_levels ?? null,
      rankGrades: row.scales.rank_grades ?? [],
      standardScore: row.scales.standard_score ?? null,
      rawScore: row.scales.raw_score ?? null,
    },
    intervalBasis: row.interval_basis,
    pastExamCount: row.past_exam_count,
  };
}

export function toPatterns(row: z.output<typeof patternsRow>): LearningPatterns {
  return {
    preferredStudyTimes: row.preferred_study_times,
    strongDays: row.strong_days,
    weakDays: row.weak_days,
    frequentlyIncompleteSubjects: row.frequently_incomplete_subjects,
    overallCompletionRate: row.overall_completion_rate,
    averageDailyStudyMinutes: row.average_daily_study_minutes,
    totalPlansAnalyzed: row.total_plans_analyzed,
    peakProductivityHours: row.peak_productivity_hours,
    avgSessionDurationMinutes: row.avg_session_duration_minutes,
    subjectStrengths: row.subject_strengths,
    evidence: Object.fromEntries(
      Object.entries(row.details.evidence ?? {}).map(([figure, { status, n, minimum, lower, upper }]) => [
        figure,
        { status, n: n ?? null, minimum, lower: lower ?? null, upper: upper ?? null },
      ]),
    ),
    weeklyRhythm: row.details.weekly_rhythm ?? null,
    changePoints: row.details.change_points ?? [],
    realisticMinutes: row.details.realistic_minutes ?? [],
    details: row.details,
  };
}

export function toRisk(row: z.output<typeof riskRow>): SubjectRisk {
  return {
    subject: row.subject,
    riskScore: row.risk_score,
    isWeak: row.is_weak,
    recentGradeTrend: row.recent_grade_trend,
    consistencyScore: row.consistency_score,
    masteryEstimate: row.mastery_estimate,
    recent3AvgGrade: row.recent_3_avg_grade,
    gradeChange: row.grade_change,
    scoreCount: row.score_count,
    factors: row.factors,
    reasoning: row.reasoning,
  };
}

export function toOutlook(row: z.output<typeof outlookRow>): OutlookPrediction {
  return {
    type: row.prediction_type,
    madeOn: row.prediction_date,
    periodStart: row.target_period_start,
    periodEnd: row.target_period_end,
    subject: row.subject,
    score: row.prediction_score,
    baseScore: row.base_score,
    confidence: row.confidence,
    factors: row.contributing_factors,
    interventions: row.recommended_interventions,
    reasoning: row.reasoning,
  };
}

export function toWarning(row: z.output<typeof warningRow>): EarlyWarning {
  return {
    id: row.id,
    studentId: row.student_id,
    type: row.warning_type,
    subject: row.subject === '' ? null : row.subject,
    severity: row.severity,
    detectedDate: row.detected_date,
    probability: row.probability,
    context: row.context_data,
    recommendedActions: row.recommended_actions,
    reasoning: row.reasoning,
    lastAction: row.last_action,
    lastActionAt: row.last_action_at,
  };
}

export function toSummary(row: z.output<typeof summaryRow>): ScoreSummary {
  return {
    internal: row.internal_summary,
    mock: row.mock_summary,
    strategy: row.strategy_summary,
    peers: row.peer_comparison,
  };
}

type Functions = Database['serving']['Functions'];
type SameKeys<A, B> = [keyof A, keyof B] extends [keyof B, keyof A] ? true : false;

/** Does not compile when a function of the database has other columns than the schema of its rows here. */
export type ContractHolds = AllTrue<
  [
    SameKeys<z.output<typeof recommendationRow>, Functions['recommend_contents']['Returns'][number]>,
    SameKeys<z.output<typeof resumptionRow>, Functions['resume_contents']['Returns'][number]>,
    SameKeys<z.output<typeof predictionRow>, Functions['predict_score']['Returns'][number]>,
    SameKeys<z.output<typeof patternsRow>, Functions['analyze_patterns']['Returns'][number]>,
    SameKeys<z.output<typeof riskRow>, Functions['subject_risks']['Returns'][number]>,
    SameKeys<z.output<typeof outlookRow>, Functions['student_outlook']['Returns'][number]>,
    SameKeys<z.output<typeof warningRow>, Functions['open_warnings']['Returns'][number]>,
    SameKeys<z.output<typeof summaryRow>, Functions['score_summary']['Returns'][number]>,
  ]
>;
type AllTrue<Checks extends true[]> = Checks;
