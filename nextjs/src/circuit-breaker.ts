/**
 * Stops asking what has failed several times in a row, and tries it once again after a while.
 *
 * Nygard, "Release It!", 2007.
 */
export class CircuitBreaker {
  private failures = 0;
  private openUntil = 0;

  constructor(
    private readonly failuresToOpen: number,
    private readonly openForMs: number,
    private readonly now: () => number,
  ) {}

  /** Whether to ask now. Once the time is up the first caller tries, and the others wait for what becomes of it. */
  allows(): boolean {
    if (this.failures < this.failuresToOpen) return true;
    if (this.now() < this.openUntil) return false;
    this.openUntil = this.now() + this.openForMs;
    return true;
  }

  succeeded(): void {
    this.failures = 0;
  }

  failed(): void {
    this.failures += 1;
    if (this.failures >= this.failuresToOpen) this.openUntil = this.now() + this.openForMs;
  }
}
