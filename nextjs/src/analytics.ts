/**
 * ADR-002's three calls, and what waits to be taken up again. Each answers within its time and never rejects because a read failed: the student's own rows,
 * else the same gone stale, else the cohort's, else a plain query over the app's tables, else a fixed answer.
 */
import { z } from 'zod';

import { completionByWeekday, meanOfLastScores, newestBooks, PLAN_DAYS } from './basic.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import {
  bookRow,
  type LearningPatterns,
  mockScoreRow,
  patternsRow,
  planRow,
  predictionRow,
  type Recommendation,
  recommendationRow,
  type Resumption,
  resumptionRow,
  type ScorePrediction,
  toPatterns,
  toPrediction,
  toRecommendation,
  toResumption,
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
        basic: async (signal) => {
          const since = new Date(settings.now() - PLAN_DAYS * 86_400_000).toISOString().slice(0, 10);
          const rows = z.array(planRow).parse(await reader.plansSince(studentId, since, signal));
          return completionByWeekday(rows) ?? undefined;
        },
        fixed: null,
      });
    },
  };
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

function requireLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > 50) throw new TypeError(`limit is 1 to 50, not ${limit}`);
}

function requireUuids(...ids: string[]): void {
  for (const id of ids) if (!z.guid().safeParse(id).success) throw new TypeError('an id is a uuid');
}
