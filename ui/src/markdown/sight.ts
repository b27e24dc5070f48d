/** An IntersectionObserver for tests: what is in sight is what the test says. */
export class Sight implements IntersectionObserver {
  static all: Sight[] = [];
  readonly root = null;
  readonly rootMargin = "";
  readonly scrollMargin = "";
  readonly thresholds = [0];
  readonly watched = new Set<Element>();

  constructor(readonly look: (entries: IntersectionObserverEntry[]) => void) {
    Sight.all.push(this);
  }

  observe(target: Element): void {
    this.watched.add(target);
  }

  unobserve(target: Element): void {
    this.watched.delete(target);
  }

  disconnect(): void {
    this.watched.clear();
  }

  takeRecords(): IntersectionObserverEntry[] {
    return [];
  }

  /** Scrolls an element into sight or out of it. */
  static move(target: Element, isIntersecting: boolean): void {
    for (const sight of Sight.all) {
      if (sight.watched.has(target)) sight.look([{ target, isIntersecting } as unknown as IntersectionObserverEntry]);
    }
  }
}
