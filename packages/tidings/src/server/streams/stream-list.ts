/**
 * A list that can be walked in slices while its members come and go: nobody present during the whole walk is left out.
 * Members carry the links themselves, so that leaving costs the same in a list of any length.
 * This module is browser compatible.
 */

/** What a member carries. A member is in one list at most. */
export interface Linked<T> {
  previous: T | undefined;
  next: T | undefined;
}

export class StreamList<T extends Linked<T>> {
  #first: T | undefined;
  #last: T | undefined;
  /** Where the walk stands: the member it visits next. */
  #walk: T | undefined;
  size = 0;

  add(member: T): void {
    member.previous = this.#last;
    member.next = undefined;
    if (this.#last === undefined) this.#first = member;
    else this.#last.next = member;
    this.#last = member;
    this.size += 1;
  }

  remove(member: T): void {
    if (this.#walk === member) this.#walk = member.next;
    if (member.previous === undefined) this.#first = member.next;
    else member.previous.next = member.next;
    if (member.next === undefined) this.#last = member.previous;
    else member.next.previous = member.previous;
    member.previous = undefined;
    member.next = undefined;
    this.size -= 1;
  }

  /** Begins a walk at the first member. */
  rewind(): void {
    this.#walk = this.#first;
  }

  /** The member to visit now, undefined at the end of the walk. */
  step(): T | undefined {
    const member = this.#walk;
    this.#walk = member?.next;
    return member;
  }

  get first(): T | undefined {
    return this.#first;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let member = this.#first; member !== undefined;) {
      // The visitor may remove the member it is given.
      const { next } = member;
      yield member;
      member = next;
    }
  }
}
