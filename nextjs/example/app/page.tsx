import type { ReactNode } from 'react';
import { connection } from 'next/server';

import type {
  Answer,
  LearningPatterns,
  OutlookPrediction,
  Recommendation,
  ScorePrediction,
  Source,
} from '../../src/index.ts';
import { analyticsFor, titlesOf } from '../lib/analytics.ts';
import { getSession } from '../lib/session.ts';

const SOURCES: Record<Source, string> = {
  personal: '나의 기록으로 계산',
  stale: '나의 기록 · 갱신이 늦어지고 있어요',
  cohort: '같은 학년의 기록으로 계산',
  basic: '간단한 집계',
  static: '아직 보여 줄 기록이 없어요',
};
const TRENDS = { improving: '오르는 중', stable: '비슷하게 유지', declining: '내려가는 중', unknown: '추세는 아직 몰라요' };
const UNITS = { percentile: '백분위', raw_score: '원점수' };
const EXAMS = { mock: '모의고사', internal: '내신' };
const CONTENTS = { book: '교재', lecture: '강의', custom: '자료' };
const WEEKDAYS = ['일', '월', '화', '수', '목', '금', '토'];
const TIMES: Record<string, string> = {
  early_morning: '이른 아침',
  morning: '오전',
  afternoon: '오후',
  evening: '저녁',
  night: '밤',
};
const OUTLOOKS = {
  weekly_completion: '이번 주 계획',
  subject_struggle: '과목',
  burnout_risk: '쉬어 가기',
  exam_readiness: '시험 준비',
};
const DAYS_AHEAD = 30;

export default async function Page() {
  await connection();
  const session = await getSession();
  const analytics = analyticsFor(session);
  const [contents, patterns, outlook] = await Promise.all([
    analytics.getContentRecommendations(session.sub, { limit: 5 }),
    analytics.analyzePatterns(session.sub),
    analytics.getOutlook(session.sub),
  ]);
  const subjectId = contents.data.find((content) => content.subjectId)?.subjectId;
  const target = new Date(Date.now() + DAYS_AHEAD * 86_400_000).toISOString().slice(0, 10);
  const [scores, titles] = await Promise.all([
    subjectId ? analytics.predictScore(session.sub, subjectId, target) : null,
    titlesOf(session, contents.data.map((content) => content.contentId)),
  ]);
  return (
    <main>
      <header>
        <h1>나의 학습 분석</h1>
        <p>밤마다 새로 계산한 결과를 바로 읽어 보여 줍니다.</p>
      </header>
      <Block title="다음에 공부할 콘텐츠" answer={contents}>
        <Contents contents={contents.data} titles={titles} />
      </Block>
      {scores && (
        <Block title="다음 시험 예상" answer={scores}>
          <Scores scores={scores.data} />
        </Block>
      )}
      <Block title="학습 패턴" answer={patterns}>
        <Patterns patterns={patterns.data} />
      </Block>
      {outlook.data.some((prediction) => prediction.reasoning) && (
        <Block title="앞으로의 전망" answer={outlook}>
          <Outlook predictions={outlook.data} />
        </Block>
      )}
    </main>
  );
}

function Block({ title, answer, children }: { title: string; answer: Answer<unknown>; children: ReactNode }) {
  return (
    <section data-source={answer.source}>
      <h2>{title}</h2>
      <p className={`source ${answer.source}`}>
        {SOURCES[answer.source]}
        {answer.asOf && <span> · {answer.asOf} 기준</span>}
      </p>
      {children}
    </section>
  );
}

function Contents({ contents, titles }: { contents: readonly Recommendation[]; titles: Map<string, string> }) {
  if (contents.length === 0) return <p className="empty">추천할 콘텐츠를 찾지 못했어요.</p>;
  return (
    <ol>
      {contents.map((content) => (
        <li key={content.contentId}>
          <div>
            <strong>{titles.get(content.contentId) ?? '제목을 불러오지 못했어요'}</strong>
            <span className="tag">{[content.subjectGroup, CONTENTS[content.contentType]].filter(Boolean).join(' · ')}</span>
          </div>
          <p>{content.reasoning}</p>
        </li>
      ))}
    </ol>
  );
}

function Scores({ scores }: { scores: readonly ScorePrediction[] }) {
  if (scores.length === 0) return <p className="empty">아직 예상할 만한 시험 기록이 없어요.</p>;
  return (
    <ul className="scores">
      {scores.map((score) => (
        <li key={score.examKind}>
          <div>
            <strong>
              {EXAMS[score.examKind]} {score.subjectGroup}
            </strong>
            <span className="tag">{TRENDS[score.trend]}</span>
          </div>
          <p className="figure">
            {UNITS[score.scale]} <b>{Math.round(score.predictedScore)}</b>
            {score.lower !== null && score.upper !== null && (
              <span>
                {' '}
                열에 여덟은 {Math.round(score.lower)}–{Math.round(score.upper)}
              </span>
            )}
            {score.scales.rankGrades.length > 0 && <span> · {grades(score.scales.rankGrades)}</span>}
          </p>
          {score.reasoning && <p>{score.reasoning}</p>}
          <div className="scale" role="img" aria-label="0에서 100 사이의 예상 구간">
            {score.lower !== null && score.upper !== null && (
              <i className="interval" style={{ left: `${score.lower}%`, width: `${score.upper - score.lower}%` }} />
            )}
            <i className="point" style={{ left: `${score.predictedScore}%` }} />
          </div>
        </li>
      ))}
    </ul>
  );
}

function Outlook({ predictions }: { predictions: readonly OutlookPrediction[] }) {
  return (
    <ul>
      {predictions.map((prediction) => (
        <li key={prediction.type}>
          <div>
            <strong>{prediction.subject ?? OUTLOOKS[prediction.type]}</strong>
          </div>
          <p>{prediction.reasoning}</p>
        </li>
      ))}
    </ul>
  );
}

/** From the best grade that the interval reaches to the worst. */
function grades(reached: readonly number[]): string {
  const [best, worst] = [Math.min(...reached), Math.max(...reached)];
  return best === worst ? `${best}등급` : `${best}–${worst}등급`;
}

function Patterns({ patterns }: { patterns: LearningPatterns | null }) {
  if (patterns === null) return <p className="empty">계획을 며칠 더 실천하면 패턴이 보여요.</p>;
  const days = (numbers: readonly number[]) => numbers.map((day) => WEEKDAYS[day]).join('·') || '뚜렷하지 않음';
  const facts = {
    '계획 완료율': patterns.overallCompletionRate === null ? '–' : `${Math.round(patterns.overallCompletionRate)}%`,
    '하루 공부 시간': patterns.averageDailyStudyMinutes === null ? '–' : `${patterns.averageDailyStudyMinutes}분`,
    '잘 되는 요일': days(patterns.strongDays),
    '밀리는 요일': days(patterns.weakDays),
    '좋아하는 시간대': patterns.preferredStudyTimes.map((time) => TIMES[time] ?? time).join('·') || '–',
    '자주 밀리는 과목': patterns.frequentlyIncompleteSubjects.join('·') || '없음',
  };
  return (
    <>
      <dl>
        {Object.entries(facts).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {patterns.changePoints.map((change) => (
        <p key={`${change.date} ${change.kind}`}>{change.text}</p>
      ))}
    </>
  );
}
