/**
 * ADR-002's three calls, and what else is published of a student. Each answers within its time and never rejects because
 * a read failed: the student's own rows, else the same gone stale, else the cohort's, else a plain query over the app's tables, else a fixed answer.
 */
import { z } from 'zod';

import {
  completionAsBefore,
  completionByWeekday,
  meanGrades,
  meanOfLastScores,
  newestBooks,
  newestMock,
  PLAN_DAYS,
} from './basic.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import {
  bookRow,
  type EarlyWarning,
  gradeRow,
  type LearningPatterns,
  mockScoreRow,
  type OutlookPrediction,
  outlookRow,
  patternsRow,
  planRow,
  predictionRow,
  type Recommendation,
  recommendationRow,
  type Resumption,
  resumptionRow,
  riskRow,
  type ScorePrediction,
  type ScoreSummary,
  type SubjectRisk,
  summaryRow,
  toOutlook,
  toPatterns,
  toPrediction,
  toRecommendation,
  toResumption,
  toRisk,
  toSummary,
  toWarning,
  warningRow,
} from './contract.ts';
import type { Reader } from './reader.ts';

export type Source = 'personal' | 'stale' | 'cohort' | 'basic' | 'static';

/** Why a better source was not used. */
export type Problem = 'timeout' | 'unavailable' | 'invalid_row' | 'circuit_open';

export interface Answer<Data> {
  data: Data;
  source: Source;
  /** Cut-off of the rows, YYYY-MM-DD; null when they are not ours. */
  asOf: string | null;
  modelVersion: string | null;
  problem: Problem | null;
}

export interface Analytics {
  /** `limit` is 1 to 50. Throws TypeError for an id that is no uuid and for other limits. */
  getContentRecommendations(
    studentId: string,
    options?: { subjectIds?: readonly string[]; limit?: number },
  ): Promise<Answer<Recommendation[]>>;
  /** What the student has begun and left, best first; none where nothing waits, nor when `serving` does not answer. */
  getContentsToResume(studentId: string, options?: { limit?: number }): Promise<Answer<Resumption[]>>;
  /** One prediction a kind of exam, mock first; none where nothing is known. `targetDate` is YYYY-MM-DD. */
  predictScore(studentId: string, subjectId: string, targetDate: string): Promise<Answer<ScorePrediction[]>>;
  /** null where nothing is known. */
  analyzePatterns(studentId: string): Promise<Answer<LearningPatterns | null>>;
  /** Most at risk first, then subject groups of which too little is known; none where there are no scores. */
  getSubjectRisks(studentId: string): Promise<Answer<SubjectRisk[]>>;
  /** The newest prediction of each type whose period is not over; none where too little is known. */
  getOutlook(studentId: string): Promise<Answer<OutlookPrediction[]>>;
  /** For staff: open warnings of their academy, the worst first. Nobody else sees any. `limit` is 1 to 200. */
  getOpenWarnings(
    tenantId: string,
    options?: { studentId?: string; limit?: number },
  ): Promise<Answer<EarlyWarning[]>>;
  /** null where there are no scores. */
  getScoreSummary(studentId: string): Promise<Answer<ScoreSummary | null>>;
}

export interface Options {
  /** For the whole answer, in milliseconds. `serving` gets at most half of it. ADR-002 asked for 500. */
  timeoutMs: number;
  /** Failures in a row after which `serving` is left alone, and for how long. */
  failuresToOpen: number;
  openForMs: number;
  staticRecommendations: readonly Recommendation[];
  /** Told of every problem, for logs and metrics. Never given a row or an id. */
  onProblem: (call: keyof Analytics, problem: Problem, error: unknown) => void;
  now: () => number;
}

const SEOUL_MS = 9 * 3_600_000;

const DEFAULTS: Options = {
  timeoutMs: 400,
  failuresToOpen: 3,
  openForMs: 30_000,
  staticRecommendations: [],
  onProblem: () => {},
  now: Date.now,
};

/** One for each request, with its user's reader; `shared` is the process's circuit, see `createCircuit`. */
export function createAnalytics(reader: Reader, options: Partial<Options> = {}, shared?: CircuitBreaker): Analytics {
  const settings = { ...DEFAULTS, ...options };
  const circuit = shared ?? createCircuit(options);
  return {
    getContentRecommendations(studentId, { subjectIds, limit = 10 } = {}) {
      requireUuids(studentId, ...(subjectIds ?? []));
      requireLimit(limit);
      const query = { studentId, subjectIds: subjectIds ?? null, limit };
      return answer(settings, circuit, 'getContentRecommendations', {
        serving: async (signal) => {
          const rows = z.array(recommendationRow).parse(await reader.recommendContents(query, signal));
          return rows[0] && { data: rows.map(toRecommendation), row: rows[0] };
        },
        basic: async (signal) => {
          const rows = z.array(bookRow).parse(await reader.newestBooks(query, signal));
          return rows.length > 0 ? newestBooks(rows) : undefined;
        },
        fixed: settings.staticRecommendations.slice(0, limit),
      });
    },

    getContentsToResume(studentId, { limit = 10 } = {}) {
      requireUuids(studentId);
      requireLimit(limit);
      return answer<Resumption[]>(settings, circuit, 'getContentsToResume', {
        serving: async (signal) => {
          const rows = z.array(resumptionRow).parse(await reader.resumeContents({ studentId, limit }, signal));
          return rows[0] && { data: rows.map(toResumption), row: rows[0] };
        },
        basic: async () => undefined,
        fixed: [],
      });
    },

    predictScore(studentId, subjectId, targetDate) {
      requireUuids(studentId, subjectId);
      if (!z.iso.date().safeParse(targetDate).success) throw new TypeError('targetDate is a day, YYYY-MM-DD');
      const query = { studentId, subjectId, targetDate };
      return answer<ScorePrediction[]>(settings, circuit, 'predictScore', {
        serving: async (signal) => {
          const rows = z.array(predictionRow).parse(await reader.predictScore(query, signal));
          return rows[0] && { data: rows.map(toPrediction), row: rows[0] };
        },
        basic: async (signal) => {
          const rows = z.array(mockScoreRow).parse(await reader.lastMockScores(query, signal));
          return rows.length > 0 ? meanOfLastScores(query, rows) : undefined;
        },
        fixed: [],
      });
    },

    analyzePatterns(studentId) {
      requireUuids(studentId);
      return answer<LearningPatterns | null>(settings, circuit, 'analyzePatterns', {
        serving: async (signal) => {
          const [row] = z.array(patternsRow).parse(await reader.analyzePatterns(studentId, signal));
          return row && { data: toPatterns(row), row };
        },
        basic: async (signal) => completionByWeekday(await plans(studentId, signal)) ?? undefined,
        fixed: null,
      });
    },

    getSubjectRisks(studentId) {
      requireUuids(studentId);
      return answer<SubjectRisk[]>(settings, circuit, 'getSubjectRisks', {
        serving: async (signal) => {
          const rows = z.array(riskRow).parse(await reader.subjectRisks(studentId, signal));
          return rows[0] && { data: rows.map(toRisk), row: rows[0] };
        },
        basic: async (signal) => {
          const found = meanGrades(await grades(studentId, signal));
          return found.length > 0 ? found : undefined;
        },
        fixed: [],
      });
    },

    getOutlook(studentId) {
      requireUuids(studentId);
      return answer<OutlookPrediction[]>(settings, circuit, 'getOutlook', {
        serving: async (signal) => {
          const rows = z.array(outlookRow).parse(await reader.studentOutlook(studentId, signal));
          return rows[0] && { data: rows.map(toOutlook), row: rows[0] };
        },
        basic: async (signal) => {
          const inSeoul = new Date(settings.now() + SEOUL_MS);
          const found = completionAsBefore(await plans(studentId, signal), inSeoul);
          return found.length > 0 ? found : undefined;
        },
        fixed: [],
      });
    },

    getOpenWarnings(tenantId, { studentId, limit = 50 } = {}) {
      requireUuids(tenantId, ...(studentId === undefined ? [] : [studentId]));
      requireLimit(limit, 200);
      const query = { tenantId, studentId: studentId ?? null, limit };
      return answer<EarlyWarning[]>(settings, circuit, 'getOpenWarnings', {
        serving: async (signal) => {
          const rows = z.array(warningRow).parse(await reader.openWarnings(query, signal));
          return rows[0] && { data: rows.map(toWarning), row: rows[0] };
        },
        // A warning without a model behind it would be one of those that staff learn to ignore.
        basic: async () => undefined,
        fixed: [],
      });
    },

    getScoreSummary(studentId) {
      requireUuids(studentId);
      return answer<ScoreSummary | null>(settings, circuit, 'getScoreSummary', {
        serving: async (signal) => {
          const [row] = z.array(summaryRow).parse(await reader.scoreSummary(studentId, signal));
          return row && { data: toSummary(row), row };
        },
        basic: async (signal) => newestMock(await grades(studentId, signal)) ?? undefined,
        fixed: null,
      });
    },
  };

  async function plans(studentId: string, signal: AbortSignal) {
    const since = new Date(settings.now() - PLAN_DAYS * 86_400_000).toISOString().slice(0, 10);
    return z.array(planRow).parse(await reader.plansSince(studentId, since, signal));
  }

  async function grades(studentId: string, signal: AbortSignal) {
    return z.array(gradeRow).parse(await reader.mockScores(studentId, signal));
  }
}

/**
 * The memory of failures. A reader carries one user's claims and so lives for one request; what has failed for one user
 * fails for the next as well, so the circuit is made once a process and passed to each `createAnalytics`.
 */
export function createCircuit(options: Partial<Pick<Options, 'failuresToOpen' | 'openForMs' | 'now'>> = {}) {
  const { failuresToOpen, openForMs, now } = { ...DEFAULTS, ...options };
  return new CircuitBreaker(failuresToOpen, openForMs, now);
}

interface Steps<Data> {
  /** undefined: nothing is known of this student. */
  serving: (signal: AbortSignal) => Promise<{ data: Data; row: Origin } | undefined>;
  basic: (signal: AbortSignal) => Promise<Data | undefined>;
  fixed: Data;
}

interface Origin {
  source: 'personal' | 'stale' | 'cohort';
  as_of: string | null;
  model_version: string;
}

async function answer<Data>(
  settings: Options,
  circuit: CircuitBreaker,
  call: keyof Analytics,
  steps: Steps<Data>,
): Promise<Answer<Data>> {
  const started = settings.now();
  let problem: Problem | null = null;
  const note = (error: unknown): Problem => {
    const found = problemOf(error);
    settings.onProblem(call, found, error);
    problem ??= found;
    return found;
  };

  if (circuit.allows()) {
    try {
      const found = await within(settings.timeoutMs / 2, steps.serving);
      circuit.succeeded();
      if (found) {
        const { source, as_of: asOf, model_version: modelVersion } = found.row;
        return { data: found.data, source, asOf, modelVersion, problem };
      }
    } catch (error) {
      // Rows that break the contract are one student's; the circuit is everybody's.
      if (note(error) === 'invalid_row') circuit.succeeded();
      else circuit.failed();
    }
  } else {
    problem = 'circuit_open';
  }

  const plain = { asOf: null, modelVersion: null };
  try {
    const data = await within(settings.timeoutMs - (settings.now() - started), steps.basic);
    if (data !== undefined) return { ...plain, data, source: 'basic', problem };
  } catch (error) {
    note(error);
  }
  return { ...plain, data: steps.fixed, source: 'static', problem };
}

class Timeout extends Error {
  override name = 'Timeout';
}

/** What `work` resolves to, or Timeout after `ms`; then its signal is aborted, and what becomes of it is ignored. */
async function within<Result>(ms: number, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Timeout(`no answer within ${Math.round(ms)} ms`));
      controller.abort();
    }, ms);
  });
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof Timeout) return 'timeout';
  return error instanceof z.ZodError ? 'invalid_row' : 'unavailable';
}

function requireLimit(limit: number, most = 50): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > most)
    throw new TypeError(`limit is 1 to ${most}, not ${limit}`);
}

function requireUuids(...ids: string[]): void {
  for (const id of ids) if (!z.guid().safeParse(id).success) throw new TypeError('an id is a uuid');
}
