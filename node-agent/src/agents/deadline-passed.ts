// Why a turn is broken off when its time is up: it fails, where every other word from outside cancels it.
export class DeadlinePassed extends Error {
  constructor() {
    super('the deadline passed');
    this.name = 'DeadlinePassed';
  }
}
