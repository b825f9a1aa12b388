/** Plain answers from the app's own rows, for when nothing of ours can be read. Nothing here is a model. */
import type { z } from 'zod';

import type {
  bookRow,
  gradeRow,
  LearningPatterns,
  mockScoreRow,
  OutlookPrediction,
  planRow,
  Recommendation,
  ScorePrediction,
  ScoreSummary,
  SubjectRisk,
} from './contract.ts';
import type { ScoreQuery } from './reader.ts';

export const PLAN_DAYS = 28;

/** A weekday needs this many plans before it is called strong or weak. */
const PLANS_OF_A_DAY = 4;
/** 등급 from which the app itself calls a subject weak, as a mean. */
const WEAK_GRADE = 5;
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
    evidence: {},
    weeklyRhythm: null,
    changePoints: [],
    realisticMinutes: [],
    details: { days },
  };
}

/** The coming week's completion is that of the last four weeks. */
export function completionAsBefore(rows: z.output<typeof planRow>[], today: Date): OutlookPrediction[] {
  const score = completionByWeekday(rows)?.overallCompletionRate;
  if (score === undefined || score === null) return [];
  const day = (ahead: number) => new Date(today.getTime() + ahead * 86_400_000).toISOString().slice(0, 10);
  return [
    {
      type: 'weekly_completion',
      madeOn: day(0),
      periodStart: day(0),
      periodEnd: day(6),
      subject: null,
      score,
      baseScore: null,
      confidence: null,
      factors: [],
      interventions: [],
      reasoning: null,
    },
  ];
}

/** Mean 등급 of the last three mock exams of each subject group, worst first; a risk is not made of it. */
export function meanGrades(rows: z.output<typeof gradeRow>[]): SubjectRisk[] {
  const grades = new Map<string, number[]>();
  for (const row of rows)
    if (row.grade_score !== null)
      grades.set(row.subject_group, [...(grades.get(row.subject_group) ?? []), row.grade_score]);
  return [...grades]
    .map(([subject, all]) => {
      const recent = all.slice(0, 3);
      const mean = recent.reduce((sum, grade) => sum + grade, 0) / recent.length;
      return {
        subject,
        riskScore: null,
        isWeak: mean >= WEAK_GRADE,
        recentGradeTrend: 0 as const,
        consistencyScore: null,
        masteryEstimate: null,
        recent3AvgGrade: mean,
        gradeChange: all[1] === undefined ? null : all[0]! - all[1],
        scoreCount: all.length,
        factors: [],
        reasoning: null,
      };
    })
    .sort((a, b) => b.recent3AvgGrade - a.recent3AvgGrade || (a.subject < b.subject ? -1 : 1));
}

/** Mean percentile of the newest mock exam, in the app's shape. */
export function newestMock(rows: z.output<typeof gradeRow>[]): ScoreSummary | null {
  const known = rows.filter((row) => row.percentile !== null);
  const newest = known.filter((row) => row.exam_date === known[0]?.exam_date);
  if (newest.length === 0) return null;
  const avgPercentile = newest.reduce((sum, row) => sum + row.percentile!, 0) / newest.length;
  return { internal: null, mock: { avgPercentile }, strategy: null, peers: null };
}
