/**
 * What the client needs of a database, whichever driver reads it: rows as PostgREST would give them (JSON, snake_case).
 *
 * Nothing is trusted here: the client checks every row. A call may reject with whatever its driver throws, and should
 * give up when `signal` aborts.
 */
export interface Reader {
  /** Rows of `serving.recommend_contents`. */
  recommendContents(query: ContentsQuery, signal: AbortSignal): Promise<unknown>;
  /** Rows of `serving.resume_contents`. */
  resumeContents(query: Pick<ContentsQuery, 'studentId' | 'limit'>, signal: AbortSignal): Promise<unknown>;
  /** Rows of `serving.predict_score`. */
  predictScore(query: ScoreQuery, signal: AbortSignal): Promise<unknown>;
  /** Rows of `serving.analyze_patterns`, one or none. */
  analyzePatterns(studentId: string, signal: AbortSignal): Promise<unknown>;

  /** Rows of `serving.subject_risks`. */
  subjectRisks(studentId: string, signal: AbortSignal): Promise<unknown>;
  /** Rows of `serving.student_outlook`. */
  studentOutlook(studentId: string, signal: AbortSignal): Promise<unknown>;
  /** Rows of `serving.open_warnings`. */
  openWarnings(query: WarningsQuery, signal: AbortSignal): Promise<unknown>;
  /** Rows of `serving.score_summary`, one or none. */
  scoreSummary(studentId: string, signal: AbortSignal): Promise<unknown>;

  // What is left when `serving` does not answer: the app's own tables, nothing of ours.

  /** The newest books of the student's academy and of everybody: `id`, `subject_id`. */
  newestBooks(query: ContentsQuery, signal: AbortSignal): Promise<unknown>;
  /** The last three mock exams of the subject, newest first: `exam_date`, `percentile`. */
  lastMockScores(query: ScoreQuery, signal: AbortSignal): Promise<unknown>;
  /** Plans since a day (YYYY-MM-DD): `plan_date`, `status`, `actual_end_time`. */
  plansSince(studentId: string, day: string, signal: AbortSignal): Promise<unknown>;
  /** The last hundred mock scores, newest first: `exam_date`, `subject_group` (its name), `percentile`, `grade_score`. */
  mockScores(studentId: string, signal: AbortSignal): Promise<unknown>;
}

export interface ContentsQuery {
  studentId: string;
  /** null: of every subject. */
  subjectIds: readonly string[] | null;
  limit: number;
}

export interface WarningsQuery {
  tenantId: string;
  /** null: of every student whom the user may see. */
  studentId: string | null;
  limit: number;
}

export interface ScoreQuery {
  studentId: string;
  subjectId: string;
  /** YYYY-MM-DD */
  targetDate: string;
}
