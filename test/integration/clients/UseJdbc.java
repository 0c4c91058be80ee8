import java.io.StringReader;
import java.io.StringWriter;
import java.sql.*;
import java.util.Properties;
import org.postgresql.PGConnection;

/** Uses the JDBC driver in each of its query modes. Arguments: port, user, password, database. */
public class UseJdbc {
    public static void main(String[] args) throws Exception {
        for (String mode : new String[] {"extended", "extendedForPrepared", "simple", "extendedCacheEverything"}) {
            Properties properties = new Properties();
            properties.put("user", args[1]);
            properties.put("password", args[2]);
            properties.put("preferQueryMode", mode);
            properties.put("prepareThreshold", "2");
            properties.put("sslmode", "disable");
            String url = "jdbc:postgresql://127.0.0.1:" + args[0] + "/" + args[3];
            try (Connection connection = DriverManager.getConnection(url, properties)) {
                System.out.println(mode);
                use(connection, mode);
            }
        }
    }

    private static void use(Connection connection, String mode) throws Exception {
        try (Statement statement = connection.createStatement()) {
            statement.execute("drop table if exists jdbc");
            statement.execute("create table jdbc (id serial primary key, name text, amount numeric(8,2), at timestamp, raw bytea)");
        }
        try (PreparedStatement insert = connection.prepareStatement("insert into jdbc (name, amount, at, raw) values (?, ?, ?, decode(?, 'hex'))", Statement.RETURN_GENERATED_KEYS)) {
            for (int n = 0; n < 25; n++) {
                insert.setString(1, "n" + n);
                insert.setBigDecimal(2, new java.math.BigDecimal("1.5").multiply(new java.math.BigDecimal(n)));
                insert.setTimestamp(3, n == 3 ? null : Timestamp.valueOf("2024-01-01 00:00:00"));
                insert.setString(4, "0102");
                insert.addBatch();
            }
            System.out.println(insert.executeBatch().length);
            ResultSet keys = insert.getGeneratedKeys();
            keys.next();
            System.out.println(keys.getInt(1));
        }
        try (PreparedStatement select = connection.prepareStatement("select * from jdbc where id = ?")) {
            for (int n = 1; n < 8; n++) {
                select.setInt(1, n);
                ResultSet row = select.executeQuery();
                while (row.next()) System.out.println(row.getString(2) + " " + row.getBigDecimal(3) + " " + row.getTimestamp(4) + " " + row.getBytes(5).length);
            }
        }
        connection.setAutoCommit(false);
        try (PreparedStatement select = connection.prepareStatement("select id from jdbc order by id")) {
            select.setFetchSize(4);
            ResultSet rows = select.executeQuery();
            int sum = 0;
            while (rows.next()) sum += rows.getInt(1);
            System.out.println(sum);
        }
        Savepoint savepoint = connection.setSavepoint("one");
        try (Statement statement = connection.createStatement()) {
            statement.executeUpdate("insert into jdbc (id) values (1)");
        } catch (SQLException error) {
            System.out.println(error.getSQLState() + " " + error.getMessage());
            connection.rollback(savepoint);
        }
        connection.commit();
        connection.setAutoCommit(true);
        DatabaseMetaData data = connection.getMetaData();
        try (ResultSet tables = data.getTables(null, "public", "jdbc%", null)) {
            while (tables.next()) System.out.println(tables.getString("TABLE_NAME") + " " + tables.getString("TABLE_TYPE"));
        }
        try (ResultSet columns = data.getColumns(null, "public", "jdbc", null)) {
            while (columns.next()) System.out.println(columns.getString("COLUMN_NAME") + " " + columns.getString("TYPE_NAME") + " " + columns.getInt("COLUMN_SIZE"));
        }
        try (ResultSet keys = data.getPrimaryKeys(null, "public", "jdbc")) {
            while (keys.next()) System.out.println(keys.getString("COLUMN_NAME"));
        }
        try (ResultSet indexes = data.getIndexInfo(null, "public", "jdbc", false, false)) {
            while (indexes.next()) System.out.println(indexes.getString("INDEX_NAME"));
        }
        var copy = connection.unwrap(PGConnection.class).getCopyAPI();
        System.out.println(copy.copyIn("copy jdbc (id, name) from stdin", new StringReader("1000\tcopied\n")));
        StringWriter out = new StringWriter();
        copy.copyOut("copy (select id, name from jdbc where id = 1000) to stdout", out);
        System.out.print(out);
        // In simple mode the driver writes the out parameter into the text, which PostgreSQL itself refuses.
        if (!mode.equals("simple")) try (CallableStatement call = connection.prepareCall("{ ? = call upper(?) }")) {
            call.registerOutParameter(1, Types.VARCHAR);
            call.setString(2, "called");
            call.execute();
            System.out.println(call.getString(1));
        }
        connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
        connection.setReadOnly(true);
        System.out.println(connection.getTransactionIsolation() + " " + connection.isValid(2));
    }
}
