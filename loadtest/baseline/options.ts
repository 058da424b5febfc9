// The command line of the baselines.
import { Command } from 'commander';

export interface BaselineOptions {
  readonly port: number;
  /** Of the Redis server behind the gateway; unused by echo. */
  readonly redisPort: number;
  /** Of the PostgreSQL server, likewise. */
  readonly postgresPort: number;
  /** How requests reach the store; see the gateways. */
  readonly calls: 'single' | 'autopipeline' | 'batch';
}

export function baselineOptions(): BaselineOptions {
  const options = new Command()
    .requiredOption('--port <n>', 'port to listen on', Number)
    .option('--redis-port <n>', 'port of the Redis server', Number, 6379)
    .option('--postgres-port <n>', 'port of the PostgreSQL server', Number, 5432)
    .option('--calls <how>', 'single, autopipeline or batch', 'single')
    .parse()
    .opts<BaselineOptions>();
  return options;
}
