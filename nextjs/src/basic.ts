/** Plain answers from the app's own rows, for when nothing of ours can be read. Nothing here is a model. */
import type { z } from 'zod';

import type { bookRow, LearningPatterns, mockScoreRow, planRow, Recommendation, ScorePrediction } from './contract.ts';
import type { ScoreQuery } from './reader.ts';

export const PLAN_DAYS = 28;

/** A weekday needs this many plans before it is called strong or weak. */
const PLANS_OF_A_DAY = 4;
/** Percentage points by which a weekday must differ from all. */
const NOTABLE = 10;

export function newestBooks(rows: z.output<typeof bookRow>[]): Recommendation[] {
  return rows.map((row, index) => ({
    rank: index + 1,
    contentType: 'book',
    contentId: row.id,
    subjectGroup: null,
    subjectId: row.subject_id,
    score: null,
    reasons: [{ code: 'newest' }],
    reasoning: '최근에 등록된 교재예요.',
  }));
}

/** The mean of the last mock exams stands in for a prediction, without an interval. No exam, no prediction. */
export function meanOfLastScores(query: ScoreQuery, rows: z.output<typeof mockScoreRow>[]): ScorePrediction[] {
  const [last] = rows;
  if (last === undefined) return [];
  return [
    {
      examKind: 'mock',
      subjectGroup: null,
      targetDate: query.targetDate,
      currentScore: last.percentile,
      predictedScore: rows.reduce((sum, row) => sum + row.percentile, 0) / rows.length,
      lower: null,
      upper: null,
      lower90: null,
      upper90: null,
      confidence: null,
      trend: 'unknown',
      factors: [{ code: 'mean_of_last', exams: rows.length }],
      reasoning: null,
      scale: 'percentile',
      scales: { rankGradeLevels: null, rankGrades: [], standardScore: null, rawScore: null },
      intervalBasis: null,
      pastExamCount: rows.length,
    },
  ];
}

/** Completion by weekday. Done is what is completed or has an end, as the app counts it. */
export function completionByWeekday(rows: z.output<typeof planRow>[]): LearningPatterns | null {
  if (rows.length === 0) return null;
  const days = Array.from({ length: 7 }, (_, weekday) => ({ weekday, plans: 0, done: 0 }));
  for (const row of rows) {
    const day = days[new Date(`${row.plan_date}T00:00:00Z`).getUTCDay()]!;
    day.plans += 1;
    if (row.status === 'completed' || row.actual_end_time !== null) day.done += 1;
  }
  const rate = (plans: number, done: number) => (100 * done) / plans;
  const overall = rate(
    rows.length,
    days.reduce((sum, day) => sum + day.done, 0),
  );
  const known = days.filter((day) => day.plans >= PLANS_OF_A_DAY);
  return {
    preferredStudyTimes: [],
    strongDays: known.filter((day) => rate(day.plans, day.done) >= overall + NOTABLE).map((day) => day.weekday),
    weakDays: known.filter((day) => rate(day.plans, day.done) <= overall - NOTABLE).map((day) => day.weekday),
    frequentlyIncompleteSubjects: [],
    overallCompletionRate: overall,
    averageDailyStudyMinutes: null,
    totalPlansAnalyzed: rows.length,
    peakProductivityHours: [],
    avgSessionDurationMinutes: null,
    subjectStrengths: [],
    details: { days },
  };
}
