// The abort reason of a turn whose deadline passed: such a turn fails, any other abort cancels it.
export class DeadlinePassed extends Error {
  constructor() {
    super('the deadline passed');
    this.name = 'DeadlinePassed';
  }
}
