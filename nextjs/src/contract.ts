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
  basis: z.string(),
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
  ...origin,
});

export const predictionRow = z.object({
  exam_kind: z.enum(['internal', 'mock']),
  subject_group: z.string(),
  predicted_for: day,
  current_score: percentile.nullable(),
  predicted_score: percentile,
  lower: percentile,
  upper: percentile,
  confidence: share,
  trend: z.enum(['improving', 'stable', 'declining', 'unknown']),
  factors: z.array(json),
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

/** Percentiles of an exam, 0 to 100, higher better. */
export interface ScorePrediction {
  examKind: 'internal' | 'mock';
  subjectGroup: string | null;
  targetDate: string;
  currentScore: number | null;
  predictedScore: number;
  /** Bounds that hold 80 % of outcomes, and the confidence, 0 to 1; null where nothing was modelled. */
  lower: number | null;
  upper: number | null;
  confidence: number | null;
  trend: 'improving' | 'stable' | 'declining' | 'unknown';
  factors: readonly Record<string, unknown>[];
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

export function toPrediction(row: z.output<typeof predictionRow>): ScorePrediction {
  return {
    examKind: row.exam_kind,
    subjectGroup: row.subject_group,
    targetDate: row.predicted_for,
    currentScore: row.current_score,
    predictedScore: row.predicted_score,
    lower: row.lower,
    upper: row.upper,
    confidence: row.confidence,
    trend: row.trend,
    factors: row.factors,
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
    SameKeys<z.output<typeof predictionRow>, Functions['predict_score']['Returns'][number]>,
    SameKeys<z.output<typeof patternsRow>, Functions['analyze_patterns']['Returns'][number]>,
  ]
>;
type AllTrue<Checks extends true[]> = Checks;
