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
    z.object({ subject: z.string(), mastery: z.number().nullable(), risk: z.number().nullable() }),
  ),
  details: json,
  basis: z.string(),
  ...origin,
});

// Of the app's own tables. numeric columns come as a number or as text, as the driver has it.
export const bookRow = z.object({ id: z.guid(), subject_id: z.guid().nullable() });
export const mockScoreRow = z.object({ exam_date: day, percentile: z.coerce.number().min(0).max(100) });
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
  /** Strongest first. */
  subjectStrengths: readonly { subject: string; mastery: number | null; risk: number | null }[];
  details: Record<string, unknown>;
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
    details: row.details,
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
  ]
>;
type AllTrue<Checks extends true[]> = Checks;
