import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';

import { createClient } from '@supabase/supabase-js';
import postgres from 'postgres';

import { postgresReader } from '../src/adapters/postgres.ts';
import { supabaseReader } from '../src/adapters/supabase.ts';
import { createAnalytics, createCircuit, type Options, type Problem, type Reader } from '../src/index.ts';
import { startPostgrest } from './postgrest.ts';
import {
  APP_URL,
  BOOK,
  CALCULUS,
  CONSULTANT,
  ELSEWHERE,
  fillApp,
  NEW,
  NOBODY,
  OTHER,
  OTHER_ADMIN,
  OTHER_WARNING,
  owner,
  publish,
  READING,
  STUDENT,
  TARGET,
  TENANT,
  WARNING,
} from './world.ts';

// No prepared statements, as through a pooler in transaction mode; one connection, so that a leak would show.
const sql = postgres(APP_URL, { max: 1, prepare: false, onnotice: () => {} });
let postgrest: Awaited<ReturnType<typeof startPostgrest>>;
const token = (sub: string) => `h.${Buffer.from(JSON.stringify({ sub, role: 'authenticated' })).toString('base64url')}.s`;
const READERS: Record<string, (sub: string) => Reader> = {
  postgres: (sub) => postgresReader(sql, { sub }),
  'supabase-js': (sub) =>
    supabaseReader(
      createClient(postgrest.url, 'anon', {
        accessToken: async () => token(sub),
        // Node 20 has no WebSocket, which the client asks for at once; nothing here listens.
        realtime: { transport: class {} as never },
      }),
    ),
};
const TIMEOUT_MS = 400;

before(async () => {
  postgrest = await startPostgrest();
  await fillApp(owner);
});
beforeEach(() => publish(owner));
after(async () => {
  await postgrest.stop();
  await sql.end({ timeout: 0 });
  await owner.end({ timeout: 0 });
});

/** The answer, which must have come within the time that was given. */
async function timely<Result>(answer: Promise<Result>, ms = TIMEOUT_MS): Promise<Result> {
  const started = performance.now();
  const result = await answer;
  const took = performance.now() - started;
  assert.ok(took < ms + 100, `it took ${took} ms`);
  return result;
}

for (const [name, readerOf] of Object.entries(READERS)) {
  const analyticsOf = (sub: string, options: Partial<Options> = {}) => createAnalytics(readerOf(sub), options);

  describe(`through ${name}`, () => {
    it("gives the student's own rows", async () => {
      const found = await analyticsOf(STUDENT).getContentRecommendations(STUDENT, { subjectIds: [CALCULUS], limit: 3 });
      const { data, ...about } = found;
      assert.deepEqual(about, { source: 'personal', asOf: '2026-11-23', modelVersion: 'rec-1', problem: null });
      assert.equal(data.length, 3);
      assert.deepEqual(data[0], {
        rank: 1,
        contentType: 'book',
        contentId: '00000000-0000-0000-0000-000000000259',
        subjectGroup: '수학',
        subjectId: null,
        score: 1,
        reasons: [{ code: 'next_in_series' }],
        reasoning: '첫째의 다음 권이에요.',
      });
    });

    it('tells what was begun and left', async () => {
      const found = await analyticsOf(STUDENT).getContentsToResume(STUDENT, { limit: 2 });
      assert.deepEqual([found.source, found.asOf, found.modelVersion], ['personal', '2026-11-23', 'rec-1']);
      assert.deepEqual(found.data.map((row) => row.doneShare), [0.25, null]);
      assert.deepEqual(found.data[0], {
        rank: 1,
        contentType: 'book',
        contentId: '00000000-0000-0000-0000-0000000002bd',
        subjectGroup: '수학',
        subjectId: null,
        doneShare: 0.25,
        lastDoneDate: '2026-11-02',
        reasons: [{ code: 'unfinished' }],
        reasoning: '이어서 마쳐 보세요.',
      });
      const { data, source, problem } = await analyticsOf(OTHER).getContentsToResume(STUDENT);
      assert.deepEqual([data, source, problem], [[], 'static', null]);
    });

    it('predicts both kinds of exam, mock first', async () => {
      const { data, source } = await analyticsOf(STUDENT).predictScore(STUDENT, CALCULUS, TARGET);
      assert.equal(source, 'personal');
      assert.deepEqual(data.map((row) => [row.examKind, row.targetDate, row.predictedScore, row.lower, row.upper]), [
        ['mock', TARGET, 70, 55, 85],
        ['internal', TARGET, 70, 55, 85],
      ]);
      const { examKind, targetDate, predictedScore, lower, upper, ...more } = data[0]!;
      assert.deepEqual(more, {
        subjectGroup: '수학',
        currentScore: 60,
        lower90: 50,
        upper90: 90,
        confidence: 0.7,
        trend: 'improving',
        factors: [
          { code: 'cohort_mean', points: 50 },
          { code: 'past_exams', points: 20, text: '지난 시험이 높아요.' },
        ],
        reasoning: '꾸준히 오르고 있어요.',
        scale: 'percentile',
        scales: {
          rankGradeLevels: 9,
          rankGrades: [2, 3],
          standardScore: { predicted: 121, lower: 114, upper: 128 },
          rawScore: null,
        },
        intervalBasis: 'calibrated',
        pastExamCount: 4,
      });
      assert.deepEqual(data[1]?.scales, { rankGradeLevels: null, rankGrades: [], standardScore: null, rawScore: null });
    });

    it('tells patterns and strengths', async () => {
      const { data, source } = await analyticsOf(STUDENT).analyzePatterns(STUDENT);
      assert.equal(source, 'personal');
      assert.deepEqual(data?.strongDays, [1, 2]);
      assert.equal(data?.overallCompletionRate, 71.5);
      assert.deepEqual(data?.subjectStrengths, [
        { subject: '수학', mastery: 85, risk: 20, status: 'measured' },
        { subject: '영어', mastery: null, risk: null, status: 'insufficient' },
      ]);
      assert.deepEqual(data?.evidence, {
        strong_days: { status: 'measured', n: 24, minimum: 3, lower: null, upper: null },
        preferred_study_times: { status: 'insufficient', n: 4, minimum: 10, lower: null, upper: null },
      });
      assert.equal(data?.weeklyRhythm, null);
      assert.deepEqual(data?.changePoints.map((change) => [change.date, change.after]), [['2026-10-12', 80]]);
      assert.deepEqual(data?.realisticMinutes, [{ kind: 'book', p50: 38, p80: 55 }]);
    });

    it('tells risks, and of what too little is known', async () => {
      const { data, source, modelVersion } = await analyticsOf(STUDENT).getSubjectRisks(STUDENT);
      assert.deepEqual([source, modelVersion], ['personal', 'risk-1']);
      assert.deepEqual(data[0], {
        subject: '수학',
        riskScore: 20,
        isWeak: false,
        recentGradeTrend: 1,
        consistencyScore: null,
        masteryEstimate: 85,
        recent3AvgGrade: null,
        gradeChange: null,
        scoreCount: 4,
        factors: [{ code: 'level', points: 20, text: '등급이 좋아요.' }],
        reasoning: '오르고 있어요.',
      });
      assert.deepEqual(data.slice(1).map((row) => [row.subject, row.riskScore, row.isWeak]), [['영어', null, false]]);
    });

    it('tells what is likely', async () => {
      const { data, source } = await analyticsOf(STUDENT).getOutlook(STUDENT);
      assert.equal(source, 'personal');
      assert.deepEqual(data, [
        {
          type: 'subject_struggle',
          madeOn: '2026-11-23',
          periodStart: '2026-11-23',
          periodEnd: '2026-12-20',
          subject: '영어',
          score: 62,
          baseScore: 50,
          confidence: 0.5,
          factors: [{ factor: 'completion', impact: 12, description: '영어 계획을 덜 마쳤어요.' }],
          interventions: [{ type: 'reduce_load' }],
          reasoning: '영어가 밀리고 있어요.',
        },
      ]);
    });

    it('tells staff of warnings, and nobody else', async () => {
      const { data, source } = await analyticsOf(CONSULTANT).getOpenWarnings(TENANT);
      assert.equal(source, 'personal');
      assert.deepEqual(data.map((row) => [row.id, row.studentId, row.subject, row.lastAction]), [
        [WARNING, STUDENT, '영어', 'acknowledged'],
        [OTHER_WARNING, OTHER, null, null],
      ]);
      assert.equal(Date.parse(data[0]!.lastActionAt!), Date.parse('2026-11-23T10:00:00+09:00'));
      const ofOne = await analyticsOf(CONSULTANT).getOpenWarnings(TENANT, { studentId: OTHER, limit: 1 });
      assert.deepEqual(ofOne.data.map((row) => row.type), ['streak_break']);
      for (const reader of [STUDENT, OTHER, OTHER_ADMIN, NOBODY]) {
        const found = await analyticsOf(reader).getOpenWarnings(TENANT);
        assert.deepEqual([found.data, found.source, found.problem], [[], 'static', null]);
      }
    });

    it('sums scores up', async () => {
      const { data, source } = await analyticsOf(STUDENT).getScoreSummary(STUDENT);
      assert.equal(source, 'personal');
      const peers = [{ subjectGroup: '수학', cohortSize: 8 }];
      assert.deepEqual(data, { internal: null, mock: { avgPercentile: 71.5 }, strategy: null, peers });
      assert.deepEqual((await analyticsOf(OTHER).getScoreSummary(STUDENT)).data, null);
    });

    it("makes plain answers of the app's own rows where nothing is published", async () => {
      await owner`delete from serving.student_risk_analysis`;
      await owner`delete from serving.student_predictions`;
      await owner`delete from serving.score_summaries`;
      const now = Date.now();
      const analytics = analyticsOf(STUDENT, { now: () => now });
      const risks = await analytics.getSubjectRisks(STUDENT);
      assert.deepEqual([risks.source, risks.modelVersion, risks.problem], ['basic', null, null]);
      assert.deepEqual(
        risks.data.map((row) => [row.subject.trim(), row.riskScore, row.recent3AvgGrade, row.gradeChange, row.isWeak]),
        [['수학', null, 4, -1, false]],
      );
      const outlook = await analytics.getOutlook(STUDENT);
      assert.equal(outlook.source, 'basic');
      const [week] = outlook.data;
      const day = (ahead: number) => new Date(now + 9 * 3_600_000 + ahead * 86_400_000).toISOString().slice(0, 10);
      assert.deepEqual([week?.type, week?.periodStart, week?.periodEnd], ['weekly_completion', day(0), day(6)]);
      assert.ok(week!.score > 80 && week!.score < 90, `${week!.score}`);
      const summary = await analytics.getScoreSummary(STUDENT);
      assert.deepEqual([summary.source, summary.data?.mock], ['basic', { avgPercentile: 80 }]);
      const other = analyticsOf(OTHER);
      assert.deepEqual([(await other.getSubjectRisks(OTHER)).source, (await other.getOutlook(OTHER)).data], ['static', []]);
    });

    it('says when rows are stale', async () => {
      await owner`update serving.publication set valid_until = now() - interval '1 minute'`;
      const analytics = analyticsOf(STUDENT);
      assert.equal((await analytics.getContentRecommendations(STUDENT)).source, 'stale');
      assert.equal((await analytics.predictScore(STUDENT, CALCULUS, TARGET)).source, 'stale');
      assert.equal((await analytics.analyzePatterns(STUDENT)).source, 'stale');
      assert.equal((await analytics.getSubjectRisks(STUDENT)).source, 'stale');
      assert.equal((await analytics.getOutlook(STUDENT)).source, 'stale');
      assert.equal((await analytics.getScoreSummary(STUDENT)).source, 'stale');
      assert.equal((await analyticsOf(CONSULTANT).getOpenWarnings(TENANT)).source, 'stale');
    });

    it("gives a new student the cohort's list", async () => {
      const { data, source } = await analyticsOf(NEW).getContentRecommendations(NEW);
      assert.equal(source, 'cohort');
      assert.deepEqual(data.map((row) => row.contentId), [BOOK]);
      const { data: scores, source: ofScores } = await analyticsOf(NEW).predictScore(NEW, CALCULUS, TARGET);
      assert.equal(ofScores, 'cohort');
      assert.deepEqual(scores.map((row) => [row.examKind, row.predictedScore, row.intervalBasis, row.pastExamCount]), [
        ['mock', 52, 'uncalibrated', 0],
      ]);
    });

    it("never gives one student another's rows", async () => {
      const analytics = analyticsOf(OTHER);
      const mine = await analytics.getContentRecommendations(OTHER);
      assert.deepEqual(new Set(mine.data.map((row) => row.reasoning)), new Set(['둘째의 다음 권이에요.']));
      const theirs = await analytics.getContentRecommendations(STUDENT);
      assert.ok(!JSON.stringify(theirs).includes('첫째'));
      const scores = await analytics.predictScore(STUDENT, CALCULUS, TARGET);
      assert.equal(scores.source, 'cohort');
      assert.ok(!JSON.stringify(scores).includes('꾸준히'));
      assert.equal((await analytics.analyzePatterns(STUDENT)).data, null);
    });

    it("asks the app's own tables for whom nothing was published", async () => {
      const books = await analyticsOf(ELSEWHERE).getContentRecommendations(ELSEWHERE, { limit: 50 });
      assert.deepEqual([books.source, books.asOf, books.problem], ['basic', null, null]);
      // Newest first; not the inactive one, and not the one for middle schools.
      const numbers = books.data.map((row) => Number.parseInt(row.contentId.slice(-3), 16) - 700);
      assert.deepEqual(numbers, [0, 1, 2, 3, 4, 5, 6, 8]);
      const ofSubject = await analyticsOf(ELSEWHERE).getContentRecommendations(ELSEWHERE, { subjectIds: [CALCULUS] });
      assert.equal(ofSubject.data.length, 4);
      const ours = await analyticsOf(NEW).getContentRecommendations(NEW, { subjectIds: [READING] });
      assert.deepEqual([ours.source, ours.data], ['static', []]);
    });

    it('answers in time while serving is locked', async () => {
      await owner.begin(async (tx) => {
        await tx`lock table serving.publication in access exclusive mode`;
        const analytics = analyticsOf(STUDENT);
        const books = await timely(analytics.getContentRecommendations(STUDENT));
        assert.deepEqual([books.source, books.problem], ['basic', 'timeout']);
        const scores = await timely(analytics.predictScore(STUDENT, CALCULUS, TARGET));
        assert.deepEqual([scores.source, scores.problem], ['basic', 'timeout']);
        assert.deepEqual(scores.data, [
          {
            examKind: 'mock', subjectGroup: null, targetDate: TARGET, currentScore: 80, predictedScore: 70,
            lower: null, upper: null, lower90: null, upper90: null, confidence: null, trend: 'unknown',
            factors: [{ code: 'mean_of_last', exams: 3 }], reasoning: null, scale: 'percentile',
            scales: { rankGradeLevels: null, rankGrades: [], standardScore: null, rawScore: null },
            intervalBasis: null, pastExamCount: 3,
          },
        ]);
        const patterns = await timely(analytics.analyzePatterns(STUDENT));
        assert.deepEqual([patterns.source, patterns.problem], ['basic', 'timeout']);
        assert.deepEqual(patterns.data?.weakDays, [0]);
      });
    });

    it('reads on while a publication is open', async () => {
      await owner.begin(async (tx) => {
        await tx`update serving.content_recommendations set reasoning = 'later'`;
        await tx`delete from serving.score_predictions`;
        const analytics = analyticsOf(STUDENT);
        const { data, source } = await timely(analytics.getContentRecommendations(STUDENT));
        assert.deepEqual([source, data[0]?.reasoning], ['personal', '첫째의 다음 권이에요.']);
        assert.equal((await timely(analytics.predictScore(STUDENT, CALCULUS, TARGET))).data.length, 2);
      });
    });

    it('trusts no row', async () => {
      await owner`update serving.content_recommendations set reasons = '[1]' where rank = 2`;
      const found = await analyticsOf(STUDENT).getContentRecommendations(STUDENT);
      assert.deepEqual([found.source, found.problem], ['basic', 'invalid_row']);
      await owner`update serving.score_predictions set scales = '{"rank_grades": "2"}'`;
      const scores = await analyticsOf(STUDENT).predictScore(STUDENT, CALCULUS, TARGET);
      assert.deepEqual([scores.source, scores.problem], ['basic', 'invalid_row']);
      await owner`update serving.early_warnings set context_data = '{"at": 1}', recommended_actions = '["call"]'`;
      const warnings = await analyticsOf(CONSULTANT).getOpenWarnings(TENANT);
      assert.deepEqual([warnings.data, warnings.source, warnings.problem], [[], 'static', 'invalid_row']);
    });

    it("lets one student's broken rows trouble nobody else", async () => {
      await owner`update serving.content_recommendations set reasons = '[1]' where student_id = ${STUDENT}`;
      const circuit = createCircuit();
      const ask = (student: string) =>
        createAnalytics(readerOf(student), {}, circuit).getContentRecommendations(student);
      for (let call = 0; call < 4; call++) assert.equal((await ask(STUDENT)).problem, 'invalid_row');
      assert.deepEqual((({ source, problem }) => [source, problem])(await ask(OTHER)), ['personal', null]);
    });

    it('gives stale rows while no publication is current', async () => {
      await owner`update serving.publication set is_current = false`;
      const found = await analyticsOf(STUDENT).getContentRecommendations(STUDENT);
      assert.deepEqual([found.source, found.asOf, found.problem, found.data.length], ['stale', null, null, 10]);
    });

    it('leaves serving alone after three failures, and tries once again later', async () => {
      let now = 0;
      const problems: Problem[] = [];
      const options = { now: () => now, onProblem: (_: string, problem: Problem) => void problems.push(problem) };
      const circuit = createCircuit(options);
      const ask = async () => {
        const answer = await createAnalytics(readerOf(STUDENT), options, circuit).getContentRecommendations(STUDENT);
        return [answer.source, answer.problem];
      };
      await owner`alter schema serving rename to gone`;
      try {
        for (let call = 0; call < 3; call++) assert.deepEqual(await ask(), ['basic', 'unavailable']);
        assert.deepEqual(await ask(), ['basic', 'circuit_open']);
        now = 31_000;
        assert.deepEqual(await ask(), ['basic', 'unavailable']);
        assert.deepEqual(await ask(), ['basic', 'circuit_open']);
      } finally {
        await owner`alter schema gone rename to serving`;
      }
      assert.deepEqual(await ask(), ['basic', 'circuit_open']);
      now = 62_000;
      assert.deepEqual(await ask(), ['personal', null]);
      assert.deepEqual(await ask(), ['personal', null]);
      assert.deepEqual(problems, ['unavailable', 'unavailable', 'unavailable', 'unavailable']);
    });
  });
}

describe('whatever happens', () => {
  it('a pooled connection keeps nothing of whom it read for', async () => {
    await createAnalytics(READERS['postgres']!(STUDENT)).getContentRecommendations(STUDENT);
    const [left] = await sql`select current_user::text as who, current_setting('request.jwt.claims', true) as claims`;
    assert.deepEqual({ ...left }, { who: 'authenticator', claims: '' });
    await assert.rejects(sql`select from serving.content_recommendations`.execute(), { code: '42501' });
  });

  it('a server that is not there costs no more than the time given', async () => {
    const fixed = {
      rank: 1, contentType: 'book', contentId: BOOK, subjectGroup: null, subjectId: null, score: null, reasons: [],
      reasoning: '기본 교재예요.',
    } as const;
    const nowhere = postgres('postgresql://nobody@127.0.0.1:9/none', { max: 1 });
    const silent = postgres('postgresql://nobody@192.0.2.1:5432/none', { max: 1, connect_timeout: 30 });
    for (const gone of [nowhere, silent]) {
      const analytics = createAnalytics(postgresReader(gone, { sub: STUDENT }), { staticRecommendations: [fixed] });
      const found = await timely(analytics.getContentRecommendations(STUDENT));
      assert.deepEqual([found.source, found.data], ['static', [fixed]]);
      assert.notEqual(found.problem, null);
      assert.deepEqual((await timely(analytics.predictScore(STUDENT, CALCULUS, TARGET))).data, []);
      assert.equal((await timely(analytics.analyzePatterns(STUDENT))).data, null);
      await gone.end({ timeout: 0 });
    }
  });

  it('a call that cannot be meant throws at once', () => {
    const analytics = createAnalytics(READERS['postgres']!(STUDENT));
    for (const wrong of [
      () => analytics.getContentRecommendations("' or true --"),
      () => analytics.getContentRecommendations(STUDENT, { limit: 51 }),
      () => analytics.getContentRecommendations(STUDENT, { limit: 1.5 }),
      () => analytics.getContentsToResume(STUDENT, { limit: 0 }),
      () => analytics.getContentRecommendations(STUDENT, { subjectIds: ['수학'] }),
      () => analytics.predictScore(STUDENT, CALCULUS, '2026-02-30'),
      () => analytics.analyzePatterns(''),
      () => analytics.getSubjectRisks('1'),
      () => analytics.getOutlook('1'),
      () => analytics.getOpenWarnings(TENANT, { limit: 201 }),
      () => analytics.getOpenWarnings(TENANT, { studentId: '' }),
      () => analytics.getScoreSummary('1'),
    ])
      assert.throws(wrong, TypeError);
  });

  it('an unknown student gets what needs no student', async () => {
    const analytics = createAnalytics(READERS['postgres']!(NOBODY));
    const found = await analytics.getContentRecommendations(NOBODY);
    assert.deepEqual([found.source, found.data, found.problem], ['static', [], null]);
  });

  it('the app reads on after serving was dropped', async () => {
    await owner`drop schema serving cascade`;
    for (const readerOf of Object.values(READERS)) {
      const analytics = createAnalytics(readerOf(STUDENT));
      const books = await timely(analytics.getContentRecommendations(STUDENT));
      assert.deepEqual([books.source, books.problem, books.data.length], ['basic', 'unavailable', 7]);
      assert.equal((await timely(analytics.predictScore(STUDENT, CALCULUS, TARGET))).source, 'basic');
      assert.equal((await timely(analytics.analyzePatterns(STUDENT))).source, 'basic');
      assert.equal((await timely(analytics.getSubjectRisks(STUDENT))).source, 'basic');
      assert.equal((await timely(analytics.getOutlook(STUDENT))).source, 'basic');
      assert.equal((await timely(analytics.getScoreSummary(STUDENT))).source, 'basic');
      const warnings = await timely(createAnalytics(readerOf(CONSULTANT)).getOpenWarnings(TENANT));
      assert.deepEqual([warnings.data, warnings.source, warnings.problem], [[], 'static', 'unavailable']);
    }
  });
});
